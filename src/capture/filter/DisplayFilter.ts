/**
 * Display filters: a subset of Wireshark's language, which decides for each packet of a capture.
 * `docs/reference/filters.md` has its operators and fields. Pure.
 *
 * **Example** (Packets to a web server)
 *
 * ```ts
 * import { CaptureReader, CaptureWriter, DisplayFilter, PcapngDecoder } from "effect-inet/capture"
 * import * as Result from "effect/Result"
 *
 * const writer = CaptureWriter.make()
 * const [from, to] = [{ address: "10.0.0.1", port: 4000 }, { address: "10.0.0.2", port: 80 }]
 * writer.tap({ transport: "tcp", kind: "syn", from, to, bytes: new Uint8Array(0), at: 0n, host: "client" })
 * const blocks = Result.getOrThrow(PcapngDecoder.decode(Buffer.concat(writer.finish())))
 * const packet = blocks.map(CaptureReader.make()).find((found) => found !== undefined)!
 *
 * const filter = Result.getOrThrow(DisplayFilter.parse("ip.dst == 10.0.0.0/8 && tcp.port in {80, 443}"))
 * DisplayFilter.matches(filter, packet) // => true
 * DisplayFilter.format(filter) // => "ip.dst == 10.0.0.0/8 and tcp.port in {80, 443}"
 *
 * const failure = Result.getOrThrow(Result.flip(DisplayFilter.parse("tcp.prot == 80")))
 * failure.position // => 0
 * failure.fix // => "nearest names: tcp.port"
 * ```
 */
import * as Result from "effect/Result"
import type { FieldTable, FieldType, FieldValue } from "../../network/dissect/FieldDissector.ts"
import type * as CaptureReader from "../CaptureReader.ts"
import * as Dissectors from "../dissect/Dissectors.ts"
import * as Layer from "../dissect/Layer.ts"
import { detailFields } from "./DetailFields.ts"
import * as FilterCompiler from "./FilterCompiler.ts"
import type { FilterError } from "./FilterError.ts"
import * as FilterExpression from "./FilterExpression.ts"
import * as FilterParser from "./FilterParser.ts"
import { layerNames, packetFields } from "./PacketFields.ts"

export type { PacketDetails } from "./FilterCompiler.ts"
export type { FilterError } from "./FilterError.ts"
export type { Expression, Operator, Range } from "./FilterExpression.ts"

/** A compiled filter. @category models @since 0.1.0 */
export interface Filter {
  readonly expression: FilterExpression.Expression
  /**
   * The filter tests fields or protocols that are not in the headers of a packet, so that `matches` needs the details.
   */
  readonly needsDetails: boolean
  readonly test: (packet: CaptureReader.CapturedPacket, details: FilterCompiler.PacketDetails) => boolean
}

/** A protocol with its fields: a dissector, of which only the names matter here. @category models @since 0.1.0 */
export interface Protocol {
  readonly name: string
  readonly fields: FieldTable
  /** Further names of the protocol, such as `mdns` of DNS. */
  readonly aliases?: ReadonlyArray<string> | undefined
}

/** Options of a parser. @category models @since 0.1.0 */
export interface Options {
  /** Dissectors whose protocols and fields a filter may name. Default: DNS, DHCP, HTTP/1, TLS and NTP. */
  readonly protocols?: ReadonlyArray<Protocol> | undefined
}

/** A field that a filter may name. @category models @since 0.1.0 */
export interface KnownField {
  readonly name: string
  readonly type: FieldType
  readonly description: string
}

const headerFields: ReadonlyArray<KnownField> = [
  ...Object.entries(layerNames).map(([name, description]) => ({ name, type: "protocol" as const, description })),
  ...packetFields.map(({ description, name, type }) => ({ name, type, description }))
]

const fieldsOf = (table: FieldTable): ReadonlyArray<KnownField> =>
  Object.entries(table).map(([name, [type, description]]) => ({ name, type, description }))

/**
 * Returns the fields that a filter may name: protocols, and fields of headers and payloads.
 *
 * @category getters
 * @since 0.1.0
 */
export const fields = ({ protocols = Dissectors.standard }: Options = {}): ReadonlyArray<KnownField> => [
  ...headerFields,
  ...fieldsOf(detailFields),
  ...protocols.flatMap(({ aliases = [], fields, name }) => [
    ...[name, ...aliases].map((each) => ({ name: each, type: "protocol" as const, description: `Protocol ${each}` })),
    ...fieldsOf(fields)
  ])
]

const typesOf = (options: Options): FilterParser.FieldTypes =>
  new Map(fields(options).map(({ name, type }) => [name, type]))

const namesOfHeaders = new Set(headerFields.map(({ name }) => name))

const compile = (expression: FilterExpression.Expression, types: FilterParser.FieldTypes): Filter => ({
  expression,
  needsDetails: Array.from(FilterExpression.fieldsOf(expression)).some((name) => !namesOfHeaders.has(name)),
  test: FilterCompiler.compile(expression, types)
})

/** Parses a filter. Never throws. @category decoding @since 0.1.0 */
export const parse = (text: string, options: Options = {}): Result.Result<Filter, FilterError> => {
  const types = typesOf(options)
  return Result.map(FilterParser.parse(text, types), (expression) => compile(expression, types))
}

/** Makes a filter of an expression, whose fields must be known. @category constructors @since 0.1.0 */
export const make = (expression: FilterExpression.Expression, options: Options = {}): Filter =>
  compile(expression, typesOf(options))

/** Formats a filter as text that parses to an equal expression. @category formatting @since 0.1.0 */
export const format = ({ expression }: Filter): string => FilterExpression.format(expression)

/** Returns the details of a packet that do not depend on other packets: the packet inside of an ICMP error. */
const ownDetails = (packet: CaptureReader.CapturedPacket): FilterCompiler.PacketDetails => {
  const found = Layer.decode(packet)
  if (found === undefined) return FilterCompiler.noDetails
  const fields = new Map<string, Array<FieldValue>>()
  for (const [name, value] of found.fields) fields.set(name, [...(fields.get(name) ?? []), value])
  return { protocols: found.innerProtocols, fields }
}

/**
 * Tests a packet. Without `details`, which `PacketDissector` returns, only the fields of headers, of ICMP and of ARP
 * have values.
 *
 * @category guards
 * @since 0.1.0
 */
export const matches = (
  filter: Filter,
  packet: CaptureReader.CapturedPacket,
  details?: FilterCompiler.PacketDetails
): boolean => filter.test(packet, details ?? ownDetails(packet))
