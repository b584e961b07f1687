/**
 * Program that runs a scenario with all kinds of events and prints a hash of its record. Processes with one seed print
 * the same.
 */
import { createHash, randomInt } from "node:crypto"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Network from "../../../src/network/Network.ts"
import * as Rot13Client from "../../../src/rot13/Rot13Client.ts"
import * as Rot13Server from "../../../src/rot13/Rot13Server.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as Recording from "../../../src/simulation/Recording.ts"
import * as CanonicalJson from "../../../src/simulation/runtime/CanonicalJson.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"

const plan = FaultPlanSyntax.parseUnsafe(
  "drop=5%, dup=5%, delay=20% 1ms..9ms, crash=server@700ms..900ms, pause=client@300ms..400ms"
)

/** Sends datagrams with random numbers from everywhere, and writes what comes back to the disk. */
const exchange = Effect.fnUntraced(function* (server: string) {
  const network = yield* Network.Network
  const files = yield* FileSystem.FileSystem
  const answers = yield* Queue.unbounded<Uint8Array>()
  const socket = yield* network.udp({ host: "0.0.0.0" }, (bytes) => Queue.offerUnsafe(answers, bytes))
  for (let n = 0; n < 40; n++) {
    const text = `${n} ${Math.random()} ${randomInt(1e6)} ${yield* Random.nextInt} ${crypto.randomUUID()} ${Date.now()}`
    yield* Effect.ignore(socket.send(new TextEncoder().encode(text), { address: server, port: 9 }))
    const answer = yield* Effect.timeoutOption(Queue.take(answers), "30 millis")
    yield* Effect.log(answer)
    if (answer._tag === "Some") yield* files.writeFile(`/answer${n % 3}`, answer.value)
  }
})

const scenario = Effect.fnUntraced(function* ({ digest, host }: Simulation.Simulation) {
  const [server, client] = [yield* host("server", { clock: { driftPpm: 50 } }), yield* host("client")]
  yield* server.start(
    Effect.gen(function* () {
      const network = yield* Network.Network
      const socket: Network.UdpSocket = yield* network.udp({ host: "0.0.0.0", port: 9 }, (bytes, from) =>
        socket.sendUnsafe(bytes, from)
      )
      yield* Rot13Server.make({ host: "0.0.0.0", port: 1067 })
    })
  )
  const request = Effect.flatMap(Network.Network, ({ connect }) =>
    Effect.flatMap(connect(NetAddress.inetAddressFromIpStringUnsafe(server.address, 1067)), (connection) =>
      Rot13Client.request(connection, new TextEncoder().encode("Hello"))
    )
  )
  const settled = Effect.promise(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    return Math.random()
  })
  const all = yield* Effect.all([client.run(exchange(server.address)), client.run(Effect.exit(request)), settled], {
    concurrency: "unbounded"
  })
  yield* digest("results", all[2])
})

/** Hashes the record of a run. */
export const traceHash = Effect.fnUntraced(function* (seed: number) {
  const hash = createHash("sha256")
  const record = (event: Recording.Event) => void hash.update(CanonicalJson.encode(event))
  // The log of the programs is in the record.
  const report = yield* Simulation.run(scenario, { seed, plan, preempt: 0.02, record })
  const { decisions, outcome, packets, time } = report
  return hash.update(CanonicalJson.encode({ decisions, outcome, packets, time })).digest("hex")
})
