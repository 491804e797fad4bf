// An account without a password, in a browser that pretends to have an authenticator.
import { addAuthenticator, createAccount, givePassword, openSession, password, xrpc } from './server.mjs'

// The newest code in the mailbox of a development server; mail goes out after the answer.
export async function mailedCode(url, to) {
  for (let turn = 0; turn < 50; turn += 1) {
    const mailbox = await (await fetch(`${url}/dev/mail`)).text()
    const letters = mailbox.split('<iframe')
    const found = letters.find((letter) => letter.includes(`${to.split('@')[0]}.test`) && /\b[A-Z2-7]{5}-[A-Z2-7]{5}\b/.test(letter))
    if (found) return found.match(/\b[A-Z2-7]{5}-[A-Z2-7]{5}\b/)[0]
    await new Promise((resolve) => { setTimeout(resolve, 100) })
  }
  throw new Error(`no code for ${to}`)
}

// Makes the account, ready to do without its password: with a confirmed address, a passkey and recovery codes. Leaves the
// page signed in, and nobody touching the authenticator.
export async function readyWithout(page, url, name, did) {
  const session = await openSession(url, did)
  await xrpc(url, 'com.atproto.server.requestEmailConfirmation', undefined, session)
  const email = `${name}@mail.test`
  await xrpc(url, 'com.atproto.server.confirmEmail', { email, token: await mailedCode(url, email) }, session)
  const authenticator = await addAuthenticator(page)
  await authenticator.setPresence(false)
  await givePassword(page, url, `${name}.test`)
  await page.goto(`${url}/account/u/${did}/security/passkeys`)
  await page.fill('[name=label]', 'Phone')
  await authenticator.setPresence(true)
  await Promise.all([page.waitForSelector('#codes'), page.click('form[data-passkey] .btn.primary')])
  return authenticator
}

// Takes the password away.
export async function removePassword(page, url, did) {
  await page.goto(`${url}/account/u/${did}/password/remove`)
  await page.fill('[name=current]', password)
  await Promise.all([page.waitForURL(/\/password$/), page.click('form[data-passkey] .btn.danger')])
}

// The whole of it, for somebody new.
export async function withoutPassword(page, url, name) {
  const did = await createAccount(url, `${name}.test`)
  const authenticator = await readyWithout(page, url, name, did)
  await removePassword(page, url, did)
  return { did, ...authenticator }
}
