import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as AddressInfo from "../../network/names/AddressInfo.ts"
import * as Table from "../../terminal/Table.ts"
import * as network from "./common/network.ts"

interface Input {
  readonly host: string
  readonly service: string | undefined
  readonly family: 4 | 6 | undefined
  readonly type: AddressInfo.Socktype | undefined
  readonly passive: boolean
  readonly canonical: boolean
  readonly json: boolean
}

const columns = [Table.left(32), Table.left(8)]

const line = ({ address, protocol, socktype }: AddressInfo.AddressInfo) =>
  Table.formatRow(columns, [NetAddress.formatInet(address), socktype, protocol], " ")

/** Converts an address for the JSON output, an array in order of preference. */
const toJson = ({ address, ...info }: AddressInfo.AddressInfo) => ({
  ...info,
  address: NetAddress.formatHost(address),
  port: address.port
})

export const resolve = Effect.fnUntraced(function* (input: Input) {
  const found = yield* AddressInfo.getaddrinfo(input.host === "-" ? undefined : input.host, input.service, {
    family: input.family,
    socktype: input.type,
    passive: input.passive,
    canonicalName: input.canonical
  })
  if (input.json) return yield* Console.log(JSON.stringify(found.map(toJson)))
  if (found[0].canonicalName !== undefined) yield* Console.log(`${input.host} is ${found[0].canonicalName}`)
  for (const info of found) yield* Console.log(line(info))
}, Effect.provide(network.layer))
