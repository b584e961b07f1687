/** Every service in one process; one that cannot start does not keep the others from it. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as TcpServer from "../../network/TcpServer.ts"
import * as Rot13Server from "../../rot13/Rot13Server.ts"
import { Stop } from "../Process.ts"
import * as network from "./network.ts"
import { announce, CannotServe, explain, reachable } from "./report.ts"

type Input = TcpServer.Limits & { readonly host: string; readonly rot13Port: number; readonly json: boolean }

/** A service of `up`: how it starts, and a line to try it. */
const rot13 = (input: Input) => ({
  name: "rot13",
  port: input.rot13Port,
  flag: "--rot13-port",
  start: Rot13Server.make({ ...input, port: input.rot13Port }),
  attempt: (address: NetAddress.InetAddress) => `printf 'Hello\\n' | nc -N ${reachable(address)} ${address.port}`
})

export const up = Effect.fnUntraced(
  function* (input: Input) {
    const started = yield* Effect.forEach([rot13(input)], (service) =>
      service.start.pipe(
        Effect.catch(explain(service.name, service.port, service.flag)),
        Effect.map((server) => ({ service, address: server.address as NetAddress.InetAddress })),
        Effect.catch((error) => Effect.as(Effect.logWarning(error.message), undefined))
      )
    )
    const running = started.filter((one) => one !== undefined)
    if (running.length === 0) return yield* new CannotServe({ message: "no service could start" })
    for (const { address, service } of running) {
      if (input.json) yield* announce(service.name, address, true)
      else {
        const columns = [service.name.padEnd(10), NetAddress.formatInet(address).padEnd(22), service.attempt(address)]
        yield* Console.log(columns.join(" "))
      }
    }
    const inside =
      input.host === "127.0.0.1" ? "for this machine only (--host :: lets the network in)" : `on ${input.host}`
    yield* Effect.logInfo(`${running.length} of ${started.length} services up ${inside}; Ctrl-C ends them`)
    yield* yield* Stop
    yield* Effect.logInfo("draining; Ctrl-C again ends at once")
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
