import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as MemoryStore from "../../src/tftp/store/MemoryStore.ts"
import * as TftpReading from "../suites/tftp/TftpReading.ts"
import * as TftpWriting from "../suites/tftp/TftpWriting.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

describe("TftpServer, read requests", () => {
  const converse =
    ([file, , ...lines]: TftpReading.Case) =>
    () =>
      Effect.gen(function* () {
        const { endpoint } = yield* TftpHosts.serve({ files: TftpReading.files })
        const talk = yield* TftpTranscript.open({ endpoint, content: TftpReading.files[file] })
        yield* talk.play(...lines)
      })
  for (const one of TftpReading.cases) TftpHosts.both(one[1], converse(one))
  for (const one of TftpReading.timed) TftpHosts.simulated(one[1], converse(one))
})

describe("TftpServer, write requests", () => {
  const content = pseudoRandomBytes(2_000, 7)
  const old = content.slice(0, 4)
  for (const [result, title, ...lines] of TftpWriting.cases) {
    TftpHosts.both(title, () =>
      Effect.gen(function* () {
        const files = new Map([["f", old]])
        const store = MemoryStore.make({ files, write: "overwrite", quota: { total: 10_000 } })
        const { endpoint } = yield* TftpHosts.serve({ store })
        const talk = yield* TftpTranscript.open({ endpoint, content })
        yield* talk.play(...lines)
        assert.deepStrictEqual(files.get("f"), result === "old" ? old : content.slice(0, result))
        assert.strictEqual(files.size, 1)
      })
    )
  }
})
