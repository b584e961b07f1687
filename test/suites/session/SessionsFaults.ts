/** What holds for a session whatever a network does to its connections. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import * as Network from "../../../src/network/Network.ts"
import type * as FaultArbitrary from "../../../src/simulation/faults/FaultArbitrary.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import * as Sessions from "../../support/Sessions.ts"
import type { Subject } from "./Sessions.ts"

/** What the network does: anything that can happen to a stream, and to the host that serves it. */
export const faults: FaultArbitrary.Options = { hosts: ["server", "client"], faultyHosts: ["server"], transport: "tcp" }

/** No fault is later, and what hangs has been given up. */
const faultDuration = Duration.minutes(5)

/** After this a client has an answer, or knows that it gets none. */
const clientTimeout = Duration.minutes(4)

const words = ["a", "", "silent", "add 3", "add 4", "long line", "bye"]

const script = Effect.gen(function* () {
  const lines: Array<string> = []
  const count = yield* Random.nextIntBetween(1, 9)
  while (lines.length < count) lines.push(words[yield* Random.nextIntBetween(0, words.length)]!)
  return lines
})

/** The lines of which the server has seen the first bytes only. */
const completeLines = (bytes: string, length: number) => {
  const lines = bytes.slice(0, length).split("\n")
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines
}

/** One client, some of whom end their side before they read. Gives how it went; dies of a transcript that is wrong. */
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
  if (text === Sessions.transcript({}, completeLines(all, all.length))) return "whole"
  for (let length = 0; length <= all.length; length++) {
    if (Sessions.transcript({}, completeLines(all, length)).startsWith(text)) return "broken off"
  }
  return yield* Effect.die(new Error(`${JSON.stringify(all)} is answered by ${JSON.stringify(text)}`))
}, Effect.scoped)

/** Safety, then liveness: four clients read what the session says or a part; after the faults one reads all of it. */
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
    if (last !== "whole") yield* Effect.die(new Error(`after the faults the transcript is ${last}`))
  })

/** What some run must come to, or the faults do too little. */
export const sometimes = ["whole", "broken off"]
