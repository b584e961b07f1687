/** Tests of a session under network faults. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import * as Network from "../../../src/network/Network.ts"
import type * as FaultArbitrary from "../../../src/simulation/faults/FaultArbitrary.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import * as Sessions from "../../support/Sessions.ts"
import type { Subject } from "./SessionsSubjects.ts"

/** Generator of faults: every fault of a stream, and crashes of the host that serves it. */
export const faults: FaultArbitrary.Options = { hosts: ["server", "client"], faultyHosts: ["server"], transport: "tcp" }

/** Time after which no fault begins and every blocked connection has timed out. */
const faultDuration = Duration.minutes(5)

/** Time within which a client gets an answer or a failure. */
const clientTimeout = Duration.minutes(4)

const words = ["a", "", "silent", "add 3", "add 4", "long line", "bye"]

const script = Effect.gen(function* () {
  const lines: Array<string> = []
  const count = yield* Random.nextIntBetween(1, 9)
  while (lines.length < count) lines.push(words[yield* Random.nextIntBetween(0, words.length)]!)
  return lines
})

/** Returns the lines that the server can read from the first `length` bytes. */
const completeLines = (bytes: string, length: number) => {
  const lines = bytes.slice(0, length).split("\n")
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines
}

/** Answer to a line that FIN has cut, with which the session ends. */
const incomplete = "broken: line incomplete: the stream ended before the line did; end each line with LF\n"

/** Returns the transcript if FIN cuts the input after `length` bytes, within a line; undefined between lines. */
const transcriptOfCut = (bytes: string, length: number) => {
  const lines = bytes.slice(0, length).split("\n")
  return lines.pop() === "" ? undefined : Sessions.transcript({}, lines).replace(/closed\n$/, incomplete)
}

/**
 * Runs one client with a random script; some send FIN before they read. Returns whether it read the whole transcript or
 * a prefix. Dies if it read anything else.
 */
const runClient = Effect.fnUntraced(function* (server: NetAddress.SocketAddress) {
  const connection = yield* (yield* Network.Network).connect(server)
  const lines = yield* script
  const bytes = lines.map((line) => `${line}\n`).join("")
  const early = yield* Random.nextBoolean
  const reader = Sessions.reader(connection)
  for (const line of lines) yield* Effect.ignore(connection.write(`${line}\n`))
  if (early) yield* connection.end
  else if (!lines.includes("bye")) yield* Effect.ignore(connection.write("bye\n"))
  const all = early || lines.includes("bye") ? bytes : `${bytes}bye\n`
  const text = yield* reader.rest
  if (text === Sessions.transcript({}, completeLines(all, all.length))) return "complete"
  for (let length = 0; length <= all.length; length++) {
    if (Sessions.transcript({}, completeLines(all, length)).startsWith(text)) return "truncated"
    if (transcriptOfCut(all, length)?.startsWith(text)) return "truncated"
  }
  return yield* Effect.die(new Error(`${JSON.stringify(all)} has the wrong answer ${JSON.stringify(text)}`))
}, Effect.scoped)

/** Safety, then liveness: under faults four clients read a prefix of the transcript; after them one reads all of it. */
export const scenario = (serve: Subject["serve"]) =>
  Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
    const server = yield* simulation.host("server")
    const client = yield* simulation.host("client")
    yield* server.start(
      Effect.suspend(() => serve(Sessions.makeProgram({}), { host: "0.0.0.0", port: 1066, maxConnections: 10 }))
    )
    const once = client.run(runClient(NetAddress.inetAddressFromIpStringUnsafe(server.address, 1066)))
    const attempt = once.pipe(
      Effect.catchTag("NetworkError", ({ reason }) => Effect.succeed(reason)),
      Effect.timeoutOrElse({ duration: clientTimeout, orElse: () => Effect.succeed("no answer") })
    )
    for (let clients = 0; clients < 2; clients++) {
      const results = yield* Effect.all([attempt, attempt], { concurrency: 2 })
      for (const result of results) yield* simulation.sometimes(result)
      yield* Effect.sleep("1 second")
    }
    yield* Effect.sleep(faultDuration)
    yield* simulation.heal
    const last = yield* Effect.timeout(once, "10 seconds")
    if (last !== "complete") yield* Effect.die(new Error(`after the faults the transcript is ${last}`))
  })

/** Results that at least one run must have; otherwise the faults are too weak. */
export const sometimes = ["complete", "truncated"]
