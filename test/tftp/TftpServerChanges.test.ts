/** Downloads of files that change meanwhile: the client gets one version of the file, or an error. */
import * as Fs from "node:fs"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeTransferThreads from "../../src/tftp/server/NodeTransferThreads.ts"
import * as NodeFileStore from "../../src/tftp/store/NodeFileStore.ts"
import type * as Store from "../../src/tftp/store/Store.ts"
import * as TftpClient from "../../src/tftp/TftpClient.ts"
import type * as TftpServer from "../../src/tftp/TftpServer.ts"
import { directory } from "../support/Directory.ts"
import { pseudoRandomBytes, until } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"

const size = 3_000_000
const content = pseudoRandomBytes(size)

/** Overwrites the last byte of a file, as `rsync --inplace` and `cp` do with all. */
const overwrite = (path: string) => {
  const descriptor = Fs.openSync(path, "r+")
  Fs.writeSync(descriptor, Uint8Array.of(content[size - 1]! ^ 1), 0, 1, size - 1)
  Fs.closeSync(descriptor)
}

/** Changes of the file after the first bytes have arrived, and the outcome at the client. */
const changes: Readonly<Record<string, { readonly change: (path: string) => void; readonly ends: string }>> = {
  "is truncated": { change: (path) => Fs.truncateSync(path, 2_096_304), ends: "Refused 0" },
  "is emptied": { change: (path) => Fs.truncateSync(path, 0), ends: "Refused 0" },
  "is written to": { change: overwrite, ends: "Refused 0" },
  grows: { change: (path) => Fs.appendFileSync(path, "more"), ends: "Refused 0" },
  "is replaced by a rename": {
    change: (path) => {
      Fs.writeFileSync(`${path}.new`, "new")
      Fs.renameSync(`${path}.new`, path)
    },
    ends: "done"
  },
  "is removed": { change: (path) => Fs.rmSync(path), ends: "done" },
  "gets another mode": { change: (path) => Fs.chmodSync(path, 0o600), ends: "done" }
}

/** Reads a file, and changes it after the first bytes; returns the outcome and the bytes received. */
const readWhile = Effect.fnUntraced(function* (
  change: (path: string) => void,
  options: TftpClient.Options & { readonly mode?: "octet" | "netascii" },
  threads?: TftpServer.Options["threads"]
) {
  const { inRoot, root } = yield* directory({ f: "" })
  Fs.writeFileSync(inRoot("f"), content)
  // The clock of the file system ticks in milliseconds.
  Fs.utimesSync(inRoot("f"), 1, 1)
  const store = yield* Effect.orDie(NodeFileStore.make({ root }))
  const { endpoint, server } = yield* TftpHosts.serve({ store, threads })
  const pieces: Array<Uint8Array> = []
  const writable: Store.Writable = {
    write: (bytes) =>
      Effect.sync(() => {
        if (pieces.push(bytes.slice()) === 1) change(inRoot("f"))
      }),
    commit: Effect.void
  }
  const target = { host: endpoint.address, port: endpoint.port, path: "f", mode: options.mode ?? "octet" } as const
  const outcome = yield* TftpHosts.outcome(TftpHosts.client(TftpClient.download(target, writable, options)))
  yield* until(() => Effect.runSync(server.stats).active === 0)
  const { failed } = yield* server.stats
  return { outcome, received: Buffer.concat(pieces), failed }
})

describe("TftpServer, a file that changes", () => {
  for (const [title, { change, ends }] of Object.entries(changes)) {
    for (const options of [{}, { blksize: 8_192, windowsize: 4 }, { blksize: 65_464, windowsize: 1 }]) {
      TftpHosts.real(`${title}: ${ends}, with ${JSON.stringify(options)}`, () =>
        Effect.gen(function* () {
          const { failed, outcome, received } = yield* readWhile(change, options)
          assert.strictEqual(outcome, ends)
          assert.strictEqual(failed, ends === "done" ? 0 : 1)
          if (ends === "done") assert.isTrue(received.equals(content))
        })
      )
    }
  }

  TftpHosts.real("is truncated: Refused 0 in netascii, too", () =>
    Effect.gen(function* () {
      const { outcome } = yield* readWhile(changes["is truncated"]!.change, { mode: "netascii" })
      assert.strictEqual(outcome, "Refused 0")
    })
  )

  for (const title of ["is truncated", "is written to", "is removed"]) {
    const { change, ends } = changes[title]!
    TftpHosts.real(`${title}: ${ends}, by a thread`, () =>
      Effect.gen(function* () {
        const threads = yield* Effect.orDie(NodeTransferThreads.make(1))
        const { outcome } = yield* readWhile(change, {}, threads)
        assert.strictEqual(outcome, ends)
      })
    )
  }
})
