// A mail server on loopback that keeps what it is given: SMTP as far as the two servers speak it.
import net from 'node:net'
import readline from 'node:readline'
import { until } from './lib.mjs'

export class MailServer {
  static async start() {
    const mail = new MailServer()
    mail.letters = []
    mail.server = net.createServer((socket) => mail.converse(socket))
    await new Promise((resolve) => mail.server.listen(0, '127.0.0.1', resolve))
    mail.server.unref()
    // What a server needs to send through it, in the variables of both.
    mail.env = {
      PDS_EMAIL_SMTP_URL: `smtp://localhost:${mail.server.address().port}`,
      PDS_EMAIL_FROM_ADDRESS: 'pds@example.com',
    }
    return mail
  }

  converse(socket) {
    const say = (line) => socket.write(`${line}\r\n`)
    socket.on('error', () => {})
    let to = []
    let body = null
    say('220 localhost')
    readline.createInterface({ input: socket, crlfDelay: Infinity }).on('line', (line) => {
      if (body) {
        if (line !== '.') return body.push(line.replace(/^\./, ''))
        this.letters.push({ to, text: readable(body) })
        body = null
        return say('250 kept')
      }
      const [verb] = line.toUpperCase().split(/[ :]/)
      if (verb === 'MAIL') to = []
      if (verb === 'RCPT') to.push(/<(.*)>/.exec(line)?.[1] ?? '')
      if (verb === 'DATA') {
        body = []
        return say('354 go on')
      }
      if (verb === 'QUIT') return socket.end('221 bye\r\n')
      say('250 ok')
    })
  }

  // How many letters have come to an address: what counts as new for `code`.
  count(address) {
    return this.letters.filter(({ to }) => to.includes(address)).length
  }

  // The code in the newest letter to an address. `after` is how many it had before.
  async code(address, after = 0) {
    await until(async () => this.count(address) > after, 10_000, `no mail to ${address}`)
    const { text } = this.letters.filter(({ to }) => to.includes(address)).at(-1)
    const found = /\b[A-Z2-7]{5}-[A-Z2-7]{5}\b/.exec(text)
    if (!found) throw new Error(`no code in the mail to ${address}: ${text.slice(0, 400)}`)
    return found[0]
  }
}

// The parts of a letter with their encodings taken off, as far as a search for a code needs it.
function readable(lines) {
  const text = lines.join('\n').replace(/=\n/g, '')
  const packed = text.matchAll(/base64\n(?:[\w-]+:.*\n)*\n([A-Za-z0-9+/=\n]+)/gi)
  return [text, ...[...packed].map(([, part]) => Buffer.from(part, 'base64').toString())].join('\n')
}
