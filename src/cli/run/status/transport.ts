/** Transport of the `status` command, by its flags. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Transport from "../../../status/transport/Transport.ts"
import { UsageError } from "../../common/CliErrors.ts"

/** Flags that select the transport. */
export interface Input {
  readonly transport: "broadcast" | "multicast" | "mesh" | "relay" | undefined
  readonly address: string | undefined
  readonly host: string | undefined
  readonly port: number
}

const usage = (message: string) => new UsageError({ message })

const required = Effect.fnUntraced(function* (address: string | undefined, what: string) {
  if (address === undefined) return yield* usage(what)
  return address
})

const literals = (list: string) =>
  Effect.forEach(list.split(","), (text) =>
    Effect.mapBoth(Effect.fromResult(NetAddress.ipv4FromString(text.trim())), {
      onSuccess: NetAddress.formatIp,
      onFailure: () =>
        usage(
          `--address: ${JSON.stringify(text)} is not an IPv4 broadcast address, such as 255.255.255.255, or 127.255.255.255 for this machine only`
        )
    })
  )

const group = Effect.fnUntraced(function* (text: string) {
  const parsed = NetAddress.ipFromString(text)
  if (Result.isSuccess(parsed) && NetAddress.isMulticast(parsed.success)) return text
  return yield* usage(
    `--address: ${JSON.stringify(text)} is not a multicast address, such as 239.255.20.66 or ff02::2066`
  )
})

const hosts = Effect.promise(() => import("./hosts.ts"))

/** Transports by name; only the selected one is loaded. */
const transports = {
  broadcast: Effect.fnUntraced(function* ({ address, port }: Input) {
    const { make } = yield* Effect.promise(() => import("../../../status/transport/Broadcast.ts"))
    return make({ port, addresses: address === undefined ? undefined : yield* literals(address) })
  }),
  multicast: Effect.fnUntraced(function* ({ address, port }: Input) {
    const { make } = yield* Effect.promise(() => import("../../../status/transport/Multicast.ts"))
    return make({ port, group: address === undefined ? undefined : yield* group(address) })
  }),
  mesh: Effect.fnUntraced(function* ({ address, host, port }: Input) {
    const { make } = yield* Effect.promise(() => import("../../../status/transport/Mesh.ts"))
    const { resolveAll, parse } = yield* hosts
    const list = yield* required(address, "--transport mesh requires all peers: --address HOST[:PORT],...")
    return make({ port, host, peers: yield* resolveAll(yield* parse(list, port)) })
  }),
  relay: Effect.fnUntraced(function* ({ address, port }: Input) {
    const { make } = yield* Effect.promise(() => import("../../../status/transport/RelayClient.ts"))
    const { resolveOne, parse } = yield* hosts
    const text = yield* required(address, "--transport relay requires the relay: --address HOST[:PORT]")
    const [place, ...more] = yield* parse(text, port)
    if (place === undefined || more.length > 0)
      return yield* usage("--transport relay requires exactly one relay in --address")
    return make({ relay: yield* resolveOne(place) })
  })
} as const

/** Returns the selected transport; fails if the flags do not fit it. */
export const choose = Effect.fnUntraced(function* (input: Input) {
  const { host, port, transport = "broadcast" } = input
  if (host !== undefined && transport !== "mesh") {
    return yield* usage(`--host is for --relay and --transport mesh, not for --transport ${transport}: leave it out`)
  }
  if (port === 0 && transport !== "relay") {
    return yield* usage("invalid --port 0: peers must share a known port; give 1 to 65535")
  }
  const open: Transport.OpenTransport = yield* transports[transport](input)
  return open
})
