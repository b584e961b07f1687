/** Debian's TFTP programs among themselves: the basis of the interoperability tests and of the benchmark. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assertNoLeaks } from "../support/Handles.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"
import { waitUntil } from "../support/Pause.ts"
import * as TftpPeers from "../support/tftp/TftpPeers.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))
    Fs.chmodSync(folder, 0o755)
    return folder
  }),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
)

/** Returns the reason why a server and a client cannot run here. */
const reason = (server: TftpPeers.Server, client?: TftpPeers.Client) =>
  TftpPeers.skipReason(server) ??
  (client === undefined || TftpPeers.isInstalled(client) ? undefined : `${client} not installed`)

const titleOf = (name: string, why: string | undefined) => (why === undefined ? name : `${name} (skipped: ${why})`)

/** The content: a multiple of 512 bytes, but not of 1428. */
const content = pseudoRandomBytes(200 * 512)

const exchange = (server: TftpPeers.Server, client: TftpPeers.Client) =>
  Effect.gen(function* () {
    const folder = yield* temporary
    const root = Path.join(folder, "root")
    Fs.mkdirSync(root)
    Fs.writeFileSync(Path.join(root, "here"), content)
    const at = yield* TftpPeers.start(server, root)
    const local = Path.join(folder, "there")
    const get = yield* TftpPeers.execute(TftpPeers.commandOf(client, { ...at, verb: "get", remote: "here", local }))
    assert.strictEqual(get.code, 0, get.stderr)
    assert.isTrue(Fs.readFileSync(local).equals(content))
    if (server === "dnsmasq") return
    const put = yield* TftpPeers.execute(TftpPeers.commandOf(client, { ...at, verb: "put", remote: "back", local }))
    assert.strictEqual(put.code, 0, put.stderr)
    // Some clients do not wait for the last ACK: the server may still be writing.
    const back = Path.join(root, "back")
    yield* waitUntil(() => Fs.existsSync(back) && Fs.statSync(back).size >= content.length)
    assert.isTrue(Fs.readFileSync(back).equals(content))
  }).pipe(Effect.scoped, assertNoLeaks)

describe("TFTP programs of this machine", () => {
  for (const server of TftpPeers.servers) {
    for (const client of TftpPeers.clients) {
      const why = reason(server, client)
      it.live.skipIf(why !== undefined)(
        titleOf(`${client} reads from ${server}, and writes to it if it accepts uploads`, why),
        () => exchange(server, client)
      )
    }

    const why = reason(server)
    it.live.skipIf(why !== undefined)(titleOf(`${server} ends with its scope`, why), () =>
      Effect.gen(function* () {
        const { pid } = yield* Effect.scoped(Effect.flatMap(temporary, (root) => TftpPeers.start(server, root)))
        assert.throws(() => process.kill(pid, 0), /ESRCH/)
      })
    )
  }

  it.live("launch fails with the output of a server that ends at once", () =>
    Effect.gen(function* () {
      const at = { address: TftpPeers.ownAddress(), port: 6969 }
      const { message } = yield* Effect.flip(Effect.scoped(TftpPeers.launch("sh", ["-c", "echo no good >&2"], at)))
      assert.match(message, /ended at once: no good/)
    })
  )
})
