/** The `resolve` command. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as AddressInfo from "../../../network/names/AddressInfo.ts"
import * as Ipv4Text from "../../../network/names/Ipv4Text.ts"
import * as SystemResolver from "../../../network/names/SystemResolver.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import * as Table from "../../../terminal/Table.ts"
import { CannotRead, UsageError } from "../../common/CliErrors.ts"
import { withoutSettings } from "../../common/settings/CommandInput.ts"
import * as network from "../common/network.ts"

interface Input {
  readonly host: string
  readonly service: string | undefined
  readonly family: 4 | 6 | undefined
  readonly type: AddressInfo.Socktype | undefined
  readonly passive: boolean
  readonly canonical: boolean
  readonly aton: boolean
  readonly reverse: boolean
  readonly record: Dns.RecordType | undefined
  readonly server: string | undefined
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

/** Returns the host of the look-up: undefined for this host; with `--aton` the address of the text. */
const hostOf = ({ aton, host }: Input) => {
  if (host === "-") return Effect.undefined
  return aton
    ? Effect.map(Effect.fromResult(Ipv4Text.parse(host)), NetAddress.formatIp)
    : Effect.succeed<string | undefined>(host)
}

const printAddresses = Effect.fnUntraced(function* (input: Input) {
  const found = yield* AddressInfo.getaddrinfo(yield* hostOf(input), input.service, {
    family: input.family,
    socktype: input.type,
    passive: input.passive,
    canonicalName: input.canonical
  })
  if (input.json) return yield* Console.log(JSON.stringify(found.map(toJson)))
  const { canonicalName } = found[0]
  if (canonicalName !== undefined) yield* Console.log(TerminalText.escape(`${input.host} is ${canonicalName}`))
  for (const info of found) yield* Console.log(line(info))
})

/** Returns the flags that a query of records or names does not use. */
const unused = ({ aton, canonical, family, passive, service, type }: Input): ReadonlyArray<string> =>
  [
    service === undefined ? "" : "SERVICE",
    family === undefined ? "" : "--family",
    type === undefined ? "" : "--type",
    passive ? "--passive" : "",
    canonical ? "--canonical" : "",
    aton ? "--aton" : ""
  ].filter((flag) => flag !== "")

const conflictOf = (input: Input): string | undefined => {
  const { record, reverse, server } = input
  if (reverse && record !== undefined) return "--reverse and --record cannot be combined: choose one"
  const query = reverse ? "--reverse" : record === undefined ? undefined : "--record"
  if (query === undefined) {
    return server === undefined ? undefined : "--server needs --record or --reverse: addresses come from the system"
  }
  const [extra] = unused(input)
  return extra === undefined ? undefined : `${extra} cannot be combined with ${query}: leave it out`
}

/** Makes DNS queries go to the server of `--server`. */
const withServer = Effect.fnUntraced(function* (server: string) {
  const problem = yield* SystemResolver.findProblem()
  if (problem !== undefined) {
    return yield* new CannotRead({ message: `${problem}; queries need it, also those to --server` })
  }
  const NodeNameServers = yield* Effect.promise(() => import("./NodeNameServers.ts"))
  const address = Dns.nameServerFromString(server)
  if (Result.isFailure(address)) {
    const message = `invalid --server ${JSON.stringify(server)}: give an IP address, such as 192.0.2.53 or 127.0.0.1:5353`
    return yield* new UsageError({ message })
  }
  return Layer.orDie(NodeNameServers.layer(address.success))
})

/** Returns the options that do not fit a query, or a look-up. */
const unfitting = ({ record, reverse }: Input): ReadonlyArray<keyof Input> =>
  !reverse && record === undefined ? ["server"] : ["family", "type", "passive", "canonical", "aton"]

export const resolve = Effect.fnUntraced(function* (given: Input) {
  const input = yield* withoutSettings(given, unfitting(given))
  const conflict = conflictOf(input)
  if (conflict !== undefined) return yield* new UsageError({ message: conflict })
  const { host, json, record, reverse, server } = input
  if (record === undefined && !reverse) return yield* printAddresses(input)
  const records = yield* Effect.promise(() => import("./records.ts"))
  const lookup = server === undefined ? records.byHost : records.byDns
  const print = record === undefined ? records.printNames(host, json, lookup) : records.printRecords(host, record, json)
  return yield* server === undefined ? print : Effect.provide(print, yield* withServer(server))
}, Effect.provide(network.layer))
