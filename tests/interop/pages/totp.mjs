// An authenticator app.
import crypto from 'node:crypto'

function decode(base32) {
  let bits = ''
  for (const char of base32.replaceAll(' ', '')) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(char).toString(2).padStart(5, '0')
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)))
}

function codeNow(secret) {
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
  const tag = crypto.createHmac('sha1', decode(secret)).update(step).digest()
  const number = tag.readUInt32BE(tag.at(-1) & 15) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}

// Sets an app up on the pages under `base`, for who is signed in.
export async function addApp(page, base) {
  await page.goto(base)
  await page.click('form[action$="/security/app"] .btn')
  const secret = await page.textContent('#secret')
  await page.fill('[name=code]', codeNow(secret))
  await page.click('.btn.primary')
  await page.waitForSelector('#codes')
}
