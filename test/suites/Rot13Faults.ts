/** Properties of the rot13 server and client under any network fault. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import * as Network from "../../src/network/Network.ts"
import * as Rot13 from "../../src/rot13/Rot13.ts"
import * as Rot13Client from "../../src/rot13/Rot13Client.ts"
import * as Rot13Server from "../../src/rot13/Rot13Server.ts"
import type * as FaultArbitrary from "../../src/simulation/faults/FaultArbitrary.ts"
import type * as Simulation from "../../src/simulation/Simulation.ts"

/** All stream faults, and faults of the server's host. */
export const faults: FaultArbitrary.Options = { hosts: ["server", "client"], faultyHosts: ["server"], transport: "tcp" }

/** End of all faults; a crashed server has restarted by then. */
const span = Duration.seconds(30)

/** Maximum time to a reply or an error after a fault of the client's network. */
const answerTimeout = Duration.minutes(3)

const message = Effect.gen(function* () {
  const bytes = new Uint8Array(yield* Random.nextIntBetween(1, 2_000))
  for (let i = 0; i < bytes.length; i++) bytes[i] = yield* Random.nextIntBetween(0, 256)
  return bytes
})

/** Connects and sends two requests; dies if a reply is wrong. */
const clientSession = Effect.fnUntraced(function* (server: NetAddress.SocketAddress) {
  const connection = yield* (yield* Network.Network).connect(server)
  for (let question = 0; question < 2; question++) {
    const plain = yield* message
    const answer = yield* Rot13Client.request(connection, Uint8Array.from(plain))
    const right = Rot13.rotate(plain)
    const wrong = answer.findIndex((byte, at) => byte !== right[at])
    if (wrong >= 0) yield* Effect.die(new Error(`byte ${wrong} of ${answer.length} is wrong`))
  }
}, Effect.scoped)

/** Safety: each of four clients gets correct replies or a typed error, in time. */
export const safetyScenario = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const server = yield* simulation.host("server")
  const client = yield* simulation.host("client")
  yield* server.start(Rot13Server.make({ host: "0.0.0.0", port: 1067 }))
  const once = client.run(clientSession(NetAddress.inetAddressFromIpStringUnsafe(server.address, 1067)))
  for (let clients = 0; clients < 4; clients++) {
    const result = yield* once.pipe(
      Effect.as("right"),
      Effect.catchTag("NetworkError", ({ reason }) => Effect.succeed(reason)),
      Effect.timeoutOrElse({ duration: answerTimeout, orElse: () => Effect.succeed("no answer") })
    )
    yield* simulation.sometimes(result)
    yield* Effect.sleep("1 second")
  }
  return once
})

/** Safety and liveness: once the faults are over, the next client gets its replies within a second. */
export const scenario = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const once = yield* safetyScenario(simulation)
  yield* Effect.sleep(span)
  yield* simulation.heal
  yield* Effect.timeout(once, "1 second")
})

/** States that at least one run must reach; otherwise the faults do too little. */
export const sometimes = ["right", "Reset", "Closed"]
