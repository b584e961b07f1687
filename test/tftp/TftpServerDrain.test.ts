import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type * as TftpServer from "../../src/tftp/TftpServer.ts"
import { pseudoRandomBytes, turns } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const files = { f: pseudoRandomBytes(1_000) }

/** Long, so that no packet is sent again on a busy machine. */
const timeout = "1 minute"

describe("TftpServer, drain", () => {
  const closing = Effect.fnUntraced(function* (
    drain: TftpServer.Options["drain"],
    options: TftpServer.Options = {},
    ...lines: ReadonlyArray<string>
  ) {
    const scope = yield* Scope.make()
    const { endpoint, server } = yield* Scope.provide(TftpHosts.serve({ files, timeout, drain, ...options }), scope)
    const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
    yield* talk.play("a> RRQ f octet", "a< DATA 1 512", ...lines)
    yield* turns(10)
    const closed = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
    return { talk, server, closed }
  })

  TftpHosts.both("waits for running transfers, and refuses new requests", () =>
    Effect.gen(function* () {
      const { closed, talk } = yield* closing("5 seconds")
      yield* talk.play("b> RRQ f octet", "b< ERROR 0", "a> ACK 1", "a< DATA 2 488", "a> ACK 2")
      yield* Fiber.join(closed)
    })
  )

  TftpHosts.both("counts the repeated request of a running transfer, and does not refuse it", () =>
    Effect.gen(function* () {
      const { closed, server, talk } = yield* closing("5 seconds")
      yield* talk.play("a> RRQ f octet", "a-", "a> ACK 1", "a< DATA 2 488", "a> ACK 2")
      yield* Fiber.join(closed)
      assert.deepInclude(yield* server.stats, { duplicates: 1, finished: 1, started: 1 })
    })
  )

  TftpHosts.simulated("refuses the requests that wait for their turn, and counts them", () =>
    Effect.gen(function* () {
      const { closed, server, talk } = yield* closing("5 seconds", { maxTransfers: 1 }, "b> RRQ f octet")
      yield* talk.play("b< ERROR 0", "b-", "a> ACK 1", "a< DATA 2 488", "a> ACK 2")
      yield* Fiber.join(closed)
      assert.deepInclude(yield* server.stats, { active: 0, failed: 1, finished: 1, gaveWay: 0, started: 2 })
    })
  )

  TftpHosts.simulated("does not wait for an upload that only dallies", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { endpoint } = yield* Scope.provide(TftpHosts.serve({ drain: "1 minute" }), scope)
      yield* TftpHosts.put(endpoint, "f", files.f)
      const before = yield* Clock.currentTimeMillis
      yield* Scope.close(scope, Exit.void)
      assert.isBelow((yield* Clock.currentTimeMillis) - before, 2_500)
    })
  )

  TftpHosts.both("sends ERROR to the transfers left after the drain timeout", () =>
    Effect.gen(function* () {
      const { closed, talk } = yield* closing("50 millis")
      yield* talk.play("a< ERROR 0")
      yield* Fiber.join(closed)
    })
  )
})
