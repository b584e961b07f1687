import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as NodeServices from "../../../src/network/node/NodeServices.ts"
import * as Fallback from "../../../src/tftp/fallback/Fallback.ts"
import * as NodeFallbackHttpClient from "../../../src/tftp/fallback/NodeFallbackHttpClient.ts"
import * as FileStore from "../../../src/tftp/store/FileStore.ts"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import { bytesOf } from "../../support/Files.ts"
import { Hosts } from "../../support/Hosts.ts"
import * as HttpFiles from "../../support/tftp/HttpFiles.ts"
import * as TftpHosts from "../../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../../support/tftp/TftpTranscript.ts"

/** Starts an HTTP server, and a TFTP server with a file of its own that falls back to it. */
const open = Effect.fnUntraced(function* (answers: Record<string, HttpFiles.Answer>) {
  const { url } = yield* HttpFiles.serve(answers)
  const fallback = yield* Fallback.make({ url }).pipe(
    Effect.provide(Layer.merge(NodeServices.layer, NodeFallbackHttpClient.layer))
  )
  const local = MemoryStore.make({ files: new Map([["local", bytesOf("local")]]), write: "create" })
  const { endpoint, server } = yield* TftpHosts.serve({ store: FileStore.orElse(local, fallback) })
  return { server, talk: yield* TftpTranscript.open({ endpoint }) }
})

describe("TftpServer with a fallback", () => {
  TftpHosts.real(
    "announces the size of a file, sends what has arrived, and ends with ERROR if the rest is missing",
    () =>
      Effect.gen(function* () {
        let die = () => {}
        const { server, talk } = yield* open({
          "/boot/f": (response) => {
            response.writeHead(200, { "content-length": 1_200 }).write("x".repeat(600))
            die = () => response.socket!.destroy()
          }
        })
        yield* talk.play("a> RRQ f octet tsize=0", "a< OACK tsize=1200", "a> ACK 0", "a< DATA 1 512", "a> ACK 1")
        die()
        yield* talk.play("a< ERROR 0")
        while ((yield* server.stats).failed === 0) yield* Effect.yieldNow
      })
  )

  TftpHosts.real("refuses what is missing there, is outside, or redirects elsewhere, with the code of each", () =>
    Effect.gen(function* () {
      const { talk } = yield* open({
        "/boot/f": HttpFiles.text("hello"),
        "/boot/moved": HttpFiles.status(302, { location: "/secret" }),
        "/boot/broken": HttpFiles.status(500),
        "/secret": HttpFiles.text("secret")
      })
      yield* talk.play("a> RRQ local octet", "a< DATA 1 5", "a> ACK 1")
      yield* talk.play("b> RRQ f octet tsize=0", "b< OACK tsize=5", "b> ACK 0", "b< DATA 1 5", "b> ACK 1")
      yield* talk.play("c> RRQ missing octet", "c< ERROR 1")
      yield* talk.play("d> RRQ %2e%2e/secret octet", "d< ERROR 2")
      yield* talk.play("e> RRQ moved octet", "e< ERROR 0")
      yield* talk.play("f> RRQ broken octet", "f< ERROR 0")
      yield* talk.play("g> WRQ local octet", "g< ERROR 6", "h> WRQ nofolder/f octet", "h< ERROR 1")
    })
  )

  it.live("warns of a fallback that fails: of each kind the first time at once, and of the others when it stops", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${message}`))
      const answers = { "/boot/f": HttpFiles.status(500), "/boot/h": HttpFiles.status(503) }
      yield* Effect.gen(function* () {
        const { talk } = yield* Effect.provide(open(answers), Logger.layer([logger]))
        yield* talk.play("a> RRQ f octet", "a< ERROR 0", "b> RRQ f octet", "b< ERROR 0", "c> RRQ g octet", "c< ERROR 1")
        yield* talk.play("d> RRQ h octet", "d< ERROR 0", "e> RRQ f octet", "e< ERROR 0")
      }).pipe(Effect.scoped)
      const failed = (name: string, status: number) =>
        `RRQ ${name} octet refused: fetching http/boot/${name} failed: the server replied with status ${status}`
      assert.deepStrictEqual(
        lines.map((line) => line.replace(/ from .*?: /, " ").replace(/:\/\/[^/]*/, "")),
        [
          `Warn 1 request refused: ${failed("f", 500)}`,
          "Info RRQ g octet refused: no such file or folder",
          `Warn 1 request refused: ${failed("h", 503)}`,
          `Warn 2 requests refused since the last such line: ${failed("f", 500)}`
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(Hosts.one(NodeNetwork.layer)))
  )
})
