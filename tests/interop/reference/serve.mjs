// Starts the reference PDS, or its PLC directory, the way the suite starts Cairn:
//   node serve.mjs plc --port N
//   node serve.mjs serve            with the same environment as Cairn
// The packages are looked up under $INTEROP_REFERENCE.
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(path.join(process.env.INTEROP_REFERENCE, 'package.json'))
const load = (name) => import(pathToFileURL(require.resolve(name)).href)

let server
if (process.argv[2] === 'plc') {
  const { default: plc } = await load('@did-plc/server')
  server = plc.PlcServer.create({ db: plc.Database.mock(), port: Number(process.argv[4]) })
} else {
  const { PDS, readEnv } = await load('@atproto/pds')
  server = await PDS.fromEnv({ ...readEnv(), disableSsrfProtection: true, crawlers: [] })
}
await server.start()
process.on('SIGTERM', async () => {
  await server.destroy()
  process.exit(0)
})
