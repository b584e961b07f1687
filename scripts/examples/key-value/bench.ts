/** CPU time of a request to the key-value server, and to one on bare node:net, in turn, five rounds. */
import * as Net from "node:net"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { NodeNetwork } from "effect-inet/network"
import * as KeyValueServer from "./KeyValueServer.ts"

const clientCount = 50
const requestsPerClient = 400
const roundCount = 5

/** Starts a server without framing, limits or deadlines: the least that a server can do. */
const bareServer = Effect.acquireRelease(
  Effect.callback<Net.Server>((resume) => {
    const store = new Map<string, string>()
    const server = Net.createServer({ noDelay: true }, (socket) => {
      socket.setEncoding("utf8").on("data", (line: string) => {
        const [verb = "", key = "", value = ""] = line.trimEnd().split(" ")
        if (verb === "set") store.set(key, value)
        socket.write(verb === "set" ? "done\n" : `found ${store.get(key)}\n`)
      })
    })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
)

const client = (port: number, id: number) =>
  Effect.callback<void>((resume) => {
    const socket = Net.connect({ host: "127.0.0.1", port, noDelay: true })
    let left = requestsPerClient
    socket.on("connect", () => socket.write(`set k${id} v\n`))
    socket.on("data", () => {
      if (--left > 0) socket.write(`get k${id}\n`)
      else socket.end()
    })
    socket.once("close", () => resume(Effect.void))
  })

/** Measures microseconds of CPU time per request, of server and clients together. */
const measure = (port: number) =>
  Effect.gen(function* () {
    const before = process.cpuUsage()
    const clients = Array.from({ length: clientCount }, (_, id) => client(port, id))
    yield* Effect.all(clients, { concurrency: "unbounded" })
    const { system, user } = process.cpuUsage(before)
    return (system + user) / (clientCount * requestsPerClient)
  })

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[values.length >> 1]!

const program = Effect.gen(function* () {
  const { address } = yield* KeyValueServer.make({ port: 0 })
  const ourPort = NetAddress.isInetAddress(address) ? address.port : 0
  const barePort = ((yield* bareServer).address() as Net.AddressInfo).port
  yield* Effect.andThen(measure(ourPort), measure(barePort)) // Warms up.
  const rounds = yield* Effect.replicateEffect(Effect.all([measure(ourPort), measure(barePort)]), roundCount)
  const [ours, bare] = [0, 1].map((index) => median(rounds.map((round) => round[index]!)))
  yield* Console.log(`key-value ${ours!.toFixed(1)} us, bare node:net ${bare!.toFixed(1)} us of CPU time per request`)
})

await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
