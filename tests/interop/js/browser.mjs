// A person's browser that runs no scripts.
import http from 'node:http'
import { assert } from './lib.mjs'

// `fetch` says of itself that it is a script, which the page does not open for.
const request = (url, options, body) =>
  new Promise((resolve, reject) => {
    const sent = http.request(url, options, async (response) => {
      response.setEncoding('utf8')
      const text = (await response.toArray()).join('')
      resolve({ status: response.statusCode, headers: response.headers, text })
    })
    sent.on('error', reject)
    sent.end(body)
  })

// What a person reads of a page.
const readable = (html) =>
  html
    .replace(/<(style|script|svg).*?<\/\1>/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(code))
    .replace(/\s+/g, ' ')

// Cookies, redirects as long as they stay on the server, and the forms of the page that is open.
export class Browser {
  // The server's public URL, and where it listens if that is elsewhere.
  constructor(origin, at = origin) {
    this.origin = origin
    this.at = at
    this.cookies = new Map()
  }

  // `status` is what the last page must answer.
  async go(url, { method = 'GET', body, status = 200 } = {}) {
    const headers = { accept: 'text/html', cookie: [...this.cookies].map((pair) => pair.join('=')).join('; ') }
    Object.assign(headers, { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': body ? 'same-origin' : 'cross-site' })
    if (body) Object.assign(headers, { origin: this.origin, 'content-type': 'application/x-www-form-urlencoded' })
    const listens = new URL(String(url).replace(this.origin, this.at))
    const response = await request(listens, { method, headers: { ...headers, host: new URL(this.origin).host } }, body?.toString())
    for (const line of response.headers['set-cookie'] ?? []) {
      const [name, value] = line.split(';')[0].split('=')
      if (/max-age=0/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    const location = response.headers.location ?? response.headers.refresh?.replace('0; url=', '')
    this.url = new URL(location ?? url, url)
    if (location && this.url.origin === this.origin) return this.go(this.url, { status })
    this.html = response.text
    assert(location || response.status === status, `${url} answered ${response.status}: ${this.text.slice(0, 600)}`)
    return this
  }

  get text() {
    return readable(this.html)
  }

  // The fields of the form that holds this text, with all boxes as they are.
  form(text) {
    const form = this.html.match(/<form.*?<\/form>/gs).find((form) => form.includes(text))
    assert(form, `no form with ${text}: ${this.html.replace(/<style.*?<\/style>/s, '').slice(0, 2000)}`)
    const attribute = (tag, name) => tag.match(new RegExp(` ${name}="([^"]*)"`))?.[1].replaceAll('&#38;', '&')
    const fields = new URLSearchParams()
    for (const [tag] of form.matchAll(/<input[^>]*>/g)) {
      const isOff = attribute(tag, 'type') === 'checkbox' && !tag.includes(' checked')
      if (attribute(tag, 'name') && !isOff) fields.append(attribute(tag, 'name'), attribute(tag, 'value') ?? '')
    }
    return { fields, url: new URL(attribute(form, 'action'), this.url) }
  }

  async submit(text, values, status) {
    const { fields, url } = this.form(text)
    for (const [name, value] of Object.entries(values)) fields.set(name, value)
    return this.go(url, { method: 'POST', body: fields, status })
  }
}
