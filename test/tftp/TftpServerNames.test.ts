import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as RemapRules from "../../src/tftp/rules/RemapRules.ts"
import * as FileStore from "../../src/tftp/store/FileStore.ts"
import * as MemoryStore from "../../src/tftp/store/MemoryStore.ts"
import * as NodeFileStore from "../../src/tftp/store/NodeFileStore.ts"
import { directory } from "../support/Directory.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const content = pseudoRandomBytes(700)

/** Formats a read request for a name, one character a byte. */
const rrq = (name: string) => JSON.stringify(`\0\x01${name}\0octet\0`)

describe("TftpServer, names", () => {
  TftpHosts.both("serves a name that is not UTF-8, to any client", () =>
    Effect.gen(function* () {
      const { endpoint, files } = yield* TftpHosts.serve({ files: { "caf\udce9.bin": content } })
      const talk = yield* TftpTranscript.open({ endpoint, content })
      yield* talk.play(`a>> ${rrq("caf\xe9.bin")}`, "a< DATA 1 512", "a> ACK 1", "a< DATA 2 188", "a> ACK 2", "a-")
      assert.deepStrictEqual(yield* TftpHosts.get(endpoint, "caf\udce9.bin"), content)
      yield* TftpHosts.put(endpoint, "k\udcfcche", content)
      assert.deepStrictEqual(files.get("k\udcfcche"), content)
      yield* talk.play(`b>> ${rrq("caf\xc3\xa9.bin")}`, "b< ERROR 1", `c>> ${rrq("caf\xe9.bin\xff")}`, "c< ERROR 1")
    })
  )

  TftpHosts.real("serves a file of a directory for a name with a byte 0xff at its end", () =>
    Effect.gen(function* () {
      const { root } = yield* directory({ "boot/fw.bin": "x".repeat(700) })
      const store = yield* NodeFileStore.make({ root })
      const { endpoint } = yield* TftpHosts.serve({ store })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play(`a>> ${rrq("boot/fw.bin\xff")}`)
      assert.strictEqual(TftpTranscript.textOf((yield* talk.receive("a")).bytes), "DATA 1 512")
      yield* talk.play(`b>> ${rrq("boot/../boot/fw.bin\xff\xff")}`, "b< ERROR 1")
    })
  )

  TftpHosts.simulated("logs a refusal with the requested name, and with that of the file by the rules", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      const store = FileStore.remap(MemoryStore.make(), Result.getOrThrow(RemapRules.parse("r ^grub/ efi/")))
      const { endpoint } = yield* Effect.provide(TftpHosts.serve({ store }), Logger.layer([logger]))
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> RRQ grub/x octet", "a< ERROR 1", "b> RRQ y octet", "b< ERROR 1")
      assert.deepStrictEqual(
        lines.map((line) => line.replace(/ port \d+/, "")),
        [
          'RRQ grub/x octet from 10.0.0.2: refused: "efi/x": no such file or folder',
          "RRQ y octet from 10.0.0.2: refused: no such file or folder"
        ]
      )
    })
  )

  TftpHosts.simulated("logs the name of the file that rules or a folder of the client lead to", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      const files = new Map([
        ["efi/x", content.slice(0, 5)],
        ["10.0.0.2/y", content.slice(0, 5)]
      ])
      const store = FileStore.remap(
        FileStore.perClient(MemoryStore.make({ files, write: "overwrite" })),
        Result.getOrThrow(RemapRules.parse("r ^grub/ efi/"))
      )
      const { endpoint } = yield* Effect.provide(TftpHosts.serve({ store }), Logger.layer([logger]))
      const talk = yield* TftpTranscript.open({ endpoint, content })
      for (const name of ["grub/x", "y", "/efi/x"]) {
        yield* talk.play(`a> RRQ ${name} octet`, "a< DATA 1 5", "a> ACK 1", "a-")
      }
      yield* talk.play("a> WRQ z octet", "a< ACK 0", "a> DATA 1 5", "a< ACK 1", "a-")
      assert.deepStrictEqual(
        lines.map((line) => `${line.slice(0, 10)}${line.replace(/^.*resent/, "")}`),
        ["RRQ grub/x, file efi/x", "RRQ y octe, file 10.0.0.2/y", "RRQ /efi/x", "WRQ z octe, file 10.0.0.2/z"]
      )
    })
  )

  TftpHosts.simulated("logs each refusal with the bytes of the name", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      const { endpoint } = yield* Effect.provide(TftpHosts.serve({ files: { f: content } }), Logger.layer([logger]))
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play(`a>> ${rrq("caf\xe9")}`, "a< ERROR 1", `b>> ${rrq("a\x1b[2J\xff")}`, "b< ERROR 4")
      yield* talk.play(`c>> ${rrq("a/..\\..\\f")}`, "c< ERROR 2", "d> WRQ new/f octet", "d< ERROR 1")
      assert.deepStrictEqual(
        lines.map((line) => line.replace(/ port \d+/, "")),
        [
          "RRQ caf\\xe9 octet from 10.0.0.2: refused: no such file or folder",
          "RRQ a\\u001b[2J\\xff octet from 10.0.0.2: refused: file name with a NUL or another control character; use printable characters, and / between folders",
          "RRQ a/..\\..\\f octet from 10.0.0.2: refused: outside of the root; request a name below it",
          "WRQ new/f octet from 10.0.0.2: refused: no such folder, and uploads create none; create it, or allow uploads to create folders"
        ]
      )
    })
  )
})
