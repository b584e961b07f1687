import * as Fs from "node:fs"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeTransferThreads from "../../../src/tftp/server/NodeTransferThreads.ts"
import * as NodeFileStore from "../../../src/tftp/store/NodeFileStore.ts"
import { directory } from "../../support/Directory.ts"
import { until } from "../../support/Hosts.ts"
import * as TftpHosts from "../../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../../support/tftp/TftpTranscript.ts"

const fileBytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 13)

/** Starts a server of a directory whose transfers run in two threads. */
const serve = Effect.gen(function* () {
  const { inRoot, root } = yield* directory()
  const store = yield* NodeFileStore.make({ root, write: "overwrite", quota: { file: 1_000_000 } })
  const threads = yield* NodeTransferThreads.make(2)
  return { ...(yield* TftpHosts.serve({ store, threads })), inRoot }
})

describe("NodeTransferThreads", () => {
  TftpHosts.real("send and receive eight files at a time", () =>
    Effect.gen(function* () {
      const { endpoint, inRoot, server } = yield* serve
      const sizes = [0, 1, 512, 100_000, 400_001, 5, 70_000, 262_144]
      const files = sizes.map((size, i) => [`f${i}`, fileBytes(size)] as const)
      for (const [name, bytes] of files) Fs.writeFileSync(inRoot(name), bytes)
      yield* Effect.forEach(
        files,
        ([name, bytes]) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* TftpHosts.get(endpoint, name), bytes)
            yield* TftpHosts.put(endpoint, `${name}.up`, bytes, { windowsize: 8 })
            assert.deepStrictEqual(new Uint8Array(Fs.readFileSync(inRoot(`${name}.up`))), bytes)
          }),
        { concurrency: "unbounded" }
      )
      yield* until(() => Effect.runSync(server.stats).active === 0)
      const { active, bytesReceived, bytesSent, failed, finished } = yield* server.stats
      const total = sizes.reduce((sum, size) => sum + size, 0)
      assert.deepStrictEqual(
        { active, bytesReceived, bytesSent, failed, finished },
        { active: 0, bytesReceived: total, bytesSent: total, failed: 0, finished: 2 * sizes.length }
      )
    })
  )

  TftpHosts.real("transfer netascii, and return the refusal of a store unchanged", () =>
    Effect.gen(function* () {
      const { endpoint, inRoot, server } = yield* serve
      Fs.writeFileSync(inRoot("text"), "one\ntwo\r\n")
      const text = yield* TftpHosts.get(endpoint, "text", { mode: "netascii" })
      assert.strictEqual(new TextDecoder().decode(text), "one\ntwo\r\n")
      Fs.writeFileSync(inRoot("old"), "old")
      // Without options the size is not announced: the quota is exceeded during the transfer.
      const large = TftpHosts.put(endpoint, "old", fileBytes(1_200_000), { plain: true })
      assert.strictEqual(yield* TftpHosts.outcome(large), "Refused 3")
      yield* until(() => Effect.runSync(server.stats).failed === 1)
      assert.strictEqual(Fs.readFileSync(inRoot("old"), "utf8"), "old")
      assert.deepStrictEqual(Fs.readdirSync(inRoot(".")).toSorted(), ["old", "text"])
    })
  )

  TftpHosts.real("reject an unknown peer, count a size probe, and stop a transfer at a second request", () =>
    Effect.gen(function* () {
      const { endpoint, inRoot, server } = yield* serve
      Fs.writeFileSync(inRoot("f"), fileBytes(1_200))
      const talk = yield* TftpTranscript.open({ endpoint, content: fileBytes(1_200) })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "b> ACK 1", "b< ERROR 5", "a> ACK 1", "a< DATA 2 512")
      yield* talk.play("a> ERROR 0 enough", "c> RRQ f octet tsize=0", "c< OACK tsize=1200", "c> ERROR 8 bye")
      yield* talk.play("d> RRQ f octet", "d< DATA 1 512", "d> RRQ none octet", "d< ERROR 1")
      yield* until(() => {
        const { failed, probed, refused } = Effect.runSync(server.stats)
        return failed === 2 && probed === 1 && refused === 1
      })
    })
  )
})
