import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type LocalEnd, LocalError } from "../../../../src/cli/run/connect/localEnd.ts"
import * as peerSocket from "../../../../src/cli/run/connect/peerSocket.ts"
import type { Reporter } from "../../../../src/cli/run/connect/reporter.ts"
import * as session from "../../../../src/cli/run/connect/session.ts"
import type { SessionEvent } from "../../../../src/cli/run/connect/sessionEvent.ts"
import * as Network from "../../../../src/network/Network.ts"
import * as Simulated from "../../../support/Simulated.ts"

const silent: Reporter = { flags: { hex: false, json: false }, event: () => Effect.void, bytes: () => Effect.void }

const recorder = () => {
  const events: Array<SessionEvent> = []
  const reporter: Reporter = { ...silent, event: (event) => Effect.sync(() => void events.push(event)) }
  return { events, reporter }
}

/** A local end with an input, which takes all bytes. */
const localWith = (input: LocalEnd["input"]) => {
  const taken: Array<Uint8Array> = []
  const local: LocalEnd = {
    input,
    receive: (bytes) => Stream.runForEach(bytes, (chunk) => Effect.sync(() => void taken.push(chunk))),
    ended: Effect.void
  }
  return { local, text: () => Buffer.concat(taken).toString() }
}

const inputOf = (...texts: ReadonlyArray<string>): LocalEnd["input"] => Stream.fromIterable(texts.map(Simulated.bytes))

const options: session.Options = { endsWith: "peer", crlf: false, idleTimeout: undefined }

/** Runs a session against a server, each on a host of its own; returns the exit of the session and of the server. */
const against = <A>(
  server: (connection: Network.Connection) => Effect.Effect<A, Network.NetworkError>,
  local: LocalEnd,
  given: session.Options,
  reporter: Reporter = silent
) =>
  Simulated.run(({ host }) =>
    Effect.gen(function* () {
      const [near, far] = [yield* host("near"), yield* host("far")]
      const result = yield* Deferred.make<Exit.Exit<A, Network.NetworkError>>()
      yield* far.start(
        Effect.gen(function* () {
          const listener = yield* (yield* Network.Network).listen({ host: "0.0.0.0", port: 7 })
          const exit = yield* Effect.exit(Effect.scoped(Effect.flatMap(listener.accept, server)))
          yield* Deferred.succeed(result, exit)
        })
      )
      const exit = yield* near.run(
        Effect.gen(function* () {
          const network = yield* Network.Network
          const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(far.address, 7))
          return yield* Effect.exit(session.run(peerSocket.ofConnection(connection), local, given, reporter))
        }).pipe(Effect.scoped)
      )
      return { exit, server: yield* Deferred.await(result), at: yield* Simulated.millis }
    })
  )

const readAll = (connection: Network.Connection) => {
  const parts: Array<Uint8Array> = []
  const pullAll = Effect.forever(Effect.map(connection.pull, (bytes) => void parts.push(bytes)))
  return Effect.map(
    Pull.catchDone(pullAll, () => Effect.void),
    () => Buffer.concat(parts).toString()
  )
}

const messageOf = (exit: Exit.Exit<unknown, { readonly message: string }>) =>
  Exit.isFailure(exit) ? (Cause.squash(exit.cause) as Error).message : "success"

describe("session", () => {
  it.effect("does not send the end of the input, and ends with the peer", () =>
    Effect.gen(function* () {
      const { local, text } = localWith(inputOf("hello"))
      const { exit, server } = yield* against(
        (connection) =>
          Effect.gen(function* () {
            const first = Simulated.text(yield* connection.pull.pipe(Effect.orDie))
            const more = yield* Effect.timeoutOption(Effect.exit(connection.pull), "1 minute")
            yield* connection.write("bye")
            return [first, more._tag]
          }),
        local,
        options
      )
      assert.deepStrictEqual(exit, Exit.void)
      assert.deepStrictEqual(server, Exit.succeed(["hello", "None"]))
      assert.strictEqual(text(), "bye")
    })
  )

  it.effect("with `both` sends the end of the input, and the input after the end of the peer", () =>
    Effect.gen(function* () {
      const late = Stream.concat(
        inputOf("first "),
        Stream.fromEffect(Effect.delay(Effect.succeed(Simulated.bytes("late")), "1 minute"))
      )
      const { local, text } = localWith(late)
      const { exit, server } = yield* against(
        (connection) =>
          Effect.gen(function* () {
            yield* connection.write("answer")
            yield* connection.end
            return yield* readAll(connection)
          }),
        local,
        { ...options, endsWith: "both" }
      )
      assert.deepStrictEqual(exit, Exit.void)
      assert.deepStrictEqual(server, Exit.succeed("first late"))
      assert.strictEqual(text(), "answer")
    })
  )

  it.effect("with `input` sends the end of the command, and ends although the peer has not", () =>
    Effect.gen(function* () {
      const { local } = localWith(inputOf("output"))
      const { exit, server } = yield* against(readAll, local, { ...options, endsWith: "input" })
      assert.deepStrictEqual([exit, server], [Exit.void, Exit.succeed("output")])
      const failed = new LocalError({ message: "x ended with exit code 3" })
      const broken = yield* against(
        readAll,
        { ...local, ended: Effect.fail(failed) },
        { ...options, endsWith: "input" }
      )
      assert.deepStrictEqual(broken.exit, Exit.fail(failed))
    })
  )

  for (const endsWith of ["peer", "both", "input"] as const) {
    it.effect(`fails with the reset of the peer, with \`${endsWith}\``, () =>
      Effect.gen(function* () {
        const { local } = localWith(Stream.concat(inputOf("x"), Stream.never))
        const { exit } = yield* against(
          (connection) => Effect.andThen(Effect.orDie(connection.pull), connection.abort),
          local,
          { ...options, endsWith }
        )
        assert.strictEqual(Exit.isFailure(exit) && String(exit.cause).includes("reset by the peer"), true, String(exit))
      })
    )

    it.effect(`fails at once if the input cannot be read, with \`${endsWith}\``, () =>
      Effect.gen(function* () {
        const failed = new LocalError({ message: "standard input: is a directory" })
        const { local } = localWith(Stream.fail(failed))
        const { exit } = yield* against(readAll, local, { ...options, endsWith })
        assert.deepStrictEqual(exit, Exit.fail(failed))
      })
    )
  }

  it.effect("ends after the timeout without data, which data in either direction restarts", () =>
    Effect.gen(function* () {
      const input = Stream.fromEffect(Effect.delay(Effect.succeed(Simulated.bytes("x")), "4 seconds"))
      const { events, reporter } = recorder()
      const { at, exit } = yield* against(
        (connection) => Effect.andThen(Effect.delay(connection.write("y"), "8 seconds"), readAll(connection)),
        localWith(Stream.concat(input, Stream.never)).local,
        { ...options, idleTimeout: Duration.seconds(5) },
        reporter
      )
      assert.deepStrictEqual(exit, Exit.void)
      assert.approximately(at, 13_000, 100)
      assert.deepInclude(events.at(-1), { event: "closed", sent: 1, received: 1, reason: "idle" })
    })
  )

  const mebibytes = (count: number) => Stream.fromIterable(Array.from({ length: count }, () => new Uint8Array(2 ** 20)))

  for (const endsWith of ["peer", "both", "input"] as const) {
    it.effect(
      `fails with the number of unsent bytes if the peer does not read until the timeout, with \`${endsWith}\``,
      () =>
        Effect.gen(function* () {
          const { events, reporter } = recorder()
          const { exit } = yield* against(
            (connection) => Effect.andThen(Effect.sleep("1 minute"), readAll(connection)),
            localWith(mebibytes(2)).local,
            { ...options, endsWith, idleTimeout: Duration.seconds(5) },
            reporter
          )
          const message = messageOf(exit)
          const [, bytes] = /^[\d.]+:7: at least (\d+) bytes of the input not sent: /.exec(message) ?? []
          assert.include(message, ": the peer took nothing for 5s; use a longer --timeout")
          assert.isAbove(Number(bytes), 0)
          const { reason, sent } = events.at(-1) as Extract<SessionEvent, { readonly event: "closed" }>
          assert.deepStrictEqual([reason, sent + Number(bytes)], [message, 2 ** 20])
        })
    )
  }

  it.effect("counts the bytes that are left in a buffer when the input has ended", () =>
    Effect.gen(function* () {
      const { exit } = yield* against(
        (connection) => Effect.andThen(Effect.sleep("1 minute"), readAll(connection)),
        localWith(Stream.succeed(new Uint8Array(100_000))).local,
        { ...options, idleTimeout: Duration.seconds(5) }
      )
      // The peer's window has 65,536 bytes.
      const expected = "34464 bytes of the input not sent: the peer took nothing for 5s; use a longer --timeout"
      assert.strictEqual(messageOf(exit).replace(/^[\d.]+:7: /, ""), expected)
    })
  )

  it.effect("goes on while a slow peer takes some bytes within each timeout", () =>
    Effect.gen(function* () {
      const { exit, server } = yield* against(
        (connection) =>
          Effect.gen(function* () {
            let received = 0
            while (true) {
              const bytes = yield* Pull.catchDone(connection.pull, () => Effect.succeed(new Uint8Array()))
              if (bytes.length === 0) break
              received += bytes.length
              yield* Effect.sleep("3 seconds")
            }
            return received
          }),
        localWith(mebibytes(2)).local,
        { ...options, endsWith: "both", idleTimeout: Duration.seconds(5) }
      )
      assert.deepStrictEqual([exit, server], [Exit.void, Exit.succeed(2 ** 21)])
    })
  )

  it.effect("fails if the peer ends before the input was sent", () =>
    Effect.gen(function* () {
      const { exit } = yield* against(
        (connection) => Effect.andThen(connection.end, Effect.sleep("1 minute")),
        localWith(Stream.concat(mebibytes(2), Stream.never)).local,
        options
      )
      assert.match(
        messageOf(exit),
        /^[\d.]+:7: at least \d+ bytes of the input not sent: the peer has ended the connection$/
      )
    })
  )

  it.effect("fails at once if a peer without an end does not get a datagram", () =>
    Effect.gen(function* () {
      const error = new Network.NetworkError({ reason: "Unreachable" })
      const peer: peerSocket.PeerSocket = {
        local: "a",
        remote: () => "b",
        pull: Effect.never,
        ...peerSocket.datagrams((part) => (part.length === 16_384 ? Effect.void : Effect.fail(error)))
      }
      const exit = yield* Effect.exit(
        session.run(peer, localWith(Stream.make(new Uint8Array(20_000))).local, options, silent)
      )
      assert.strictEqual(messageOf(exit), "b: at least 3616 bytes of the input not sent: no route to the host")
    })
  )

  it.effect("reports the events of a session in order", () =>
    Effect.gen(function* () {
      const { events, reporter } = recorder()
      yield* against(readAll, localWith(inputOf("ab")).local, { ...options, endsWith: "both" }, reporter)
      assert.deepStrictEqual(
        events.map(({ event }) => event),
        ["connected", "inputEnded", "peerEnded", "closed"]
      )
      assert.deepInclude(events.at(-1), { sent: 2, received: 0 })
    })
  )

  it.effect("takes no more input while the peer does not read", () =>
    Effect.gen(function* () {
      let read = 0
      const chunk = new Uint8Array(65_536)
      const endless = Stream.fromEffectRepeat(
        Effect.sync(() => {
          read += chunk.length
          return chunk
        })
      )
      yield* against(
        (connection) => Effect.andThen(Effect.sleep("1 minute"), connection.abort),
        localWith(endless).local,
        options
      )
      assert.isBelow(read, 8 * 1_048_576)
    })
  )

  it.effect("takes no more from the peer while the reader of the output stops", () =>
    Effect.gen(function* () {
      let unsent = 0
      const stuck: LocalEnd = {
        ...localWith(Stream.never).local,
        receive: (bytes) => Stream.runForEach(bytes, () => Effect.never)
      }
      const { exit } = yield* against(
        (connection) =>
          Effect.gen(function* () {
            yield* Effect.forkScoped(Effect.ignore(Effect.forever(connection.write(new Uint8Array(65_536)))))
            yield* Effect.sleep("1 minute")
            const before = connection.traffic()
            yield* Effect.sleep("1 minute")
            unsent = connection.traffic().unsent
            assert.strictEqual(connection.traffic().sent, before.sent)
            yield* connection.abort
          }).pipe(Effect.scoped),
        stuck,
        { ...options, idleTimeout: Duration.minutes(5) }
      )
      assert.deepStrictEqual(exit, Exit.void)
      assert.isAbove(unsent, 0)
    })
  )

  const texts = Arbitrary.array(Arbitrary.schema(Schema.String), { maxLength: 8 })
  it.effect.prop("with `both` carries all bytes both ways", [texts, texts], ([up, down]) =>
    Effect.gen(function* () {
      const { local, text } = localWith(inputOf(...up))
      const { exit, server } = yield* against(
        (connection) =>
          Effect.gen(function* () {
            for (const part of down) yield* connection.write(part)
            yield* connection.end
            return yield* readAll(connection)
          }),
        local,
        { ...options, endsWith: "both" }
      )
      assert.deepStrictEqual(exit, Exit.void)
      const plain = (parts: ReadonlyArray<string>) => Buffer.concat(parts.map(Simulated.bytes)).toString()
      assert.deepStrictEqual(server, Exit.succeed(plain(up)))
      assert.strictEqual(text(), plain(down))
    })
  )
})
