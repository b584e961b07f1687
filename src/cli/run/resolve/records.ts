/** DNS records and names of addresses for the `resolve` command. */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as HostEntry from "../../../network/names/HostEntry.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import { UsageError } from "../../common/CliErrors.ts"

/** A failed query; the message names what was asked for. */
class CannotResolve extends Data.TaggedError("CannotResolve")<{ readonly message: string }> {}

/** Explains a failed query. */
const explain = (name: string, what: string) => (error: Dns.DnsError) => {
  const subject = TerminalText.escape(name)
  const message =
    error.reason === "NotFound"
      ? `${subject}: no ${what}`
      : error.reason === "BadName"
        ? `${subject}: not a domain name`
        : error.isTemporary
          ? `${subject}: the name server does not answer (${error.reason}); try again later`
          : `${subject}: the name server failed (${error.reason})`
  return new CannotResolve({ message })
}

/** Converts a field of a record for JSON: times are seconds, bytes are hexadecimal. */
const toJsonField = (value: unknown): unknown =>
  Duration.isDuration(value)
    ? Duration.toSeconds(value)
    : value instanceof Uint8Array
      ? Hex.encode(value)
      : NetAddress.isIpAddress(value)
        ? NetAddress.formatIp(value)
        : value

/** Converts a record for JSON: its type and its fields. */
export const recordToJson = ({ _tag, ...fields }: Dns.DnsRecord) => ({
  type: _tag,
  ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, toJsonField(value)]))
})

/** Prints the records of one type. The PTR records of an IP literal are those of its reverse name. */
export const printRecords = Effect.fnUntraced(function* (name: string, type: Dns.RecordType, json: boolean) {
  const dns = yield* Dns.Dns
  const literal = NetAddress.ipFromString(name)
  const queried = type === "PTR" && Result.isSuccess(literal) ? Dns.reverseName(literal.success) : name
  const records = yield* Effect.mapError(dns.resolve(queried, type), explain(queried, `${type} record`))
  if (json) return yield* Console.log(JSON.stringify(records.map(recordToJson)))
  for (const record of records) yield* Console.log(TerminalText.escape(Dns.formatRecord(record)))
})

/** Returns the names of an address as the system has them. */
export const byHost = HostEntry.gethostbyaddr

/** Returns the names of an address by DNS alone. */
export const byDns = (address: NetAddress.IpAddress) => Effect.flatMap(Dns.Dns, (dns) => dns.reverse(address))

/** Prints the names of an address, which `lookup` finds. */
export const printNames = Effect.fnUntraced(function* <R>(
  text: string,
  json: boolean,
  lookup: (address: NetAddress.IpAddress) => Effect.Effect<ReadonlyArray<string>, Dns.DnsError, R>
) {
  const address = yield* Effect.mapError(
    Effect.fromResult(NetAddress.ipFromString(text)),
    () => new UsageError({ message: `--reverse needs an IP address, not ${JSON.stringify(text)}` })
  )
  const names = yield* Effect.mapError(lookup(address), explain(text, "name"))
  if (json) return yield* Console.log(JSON.stringify(names))
  for (const name of names) yield* Console.log(TerminalText.escape(name))
})
