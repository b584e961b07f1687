/**
 * Dissector of the course's prime counts, for captures. Pure.
 *
 * **Example** (A request)
 *
 * ```ts
 * import { CourseProtocol, Dissector } from "effect-inet/primes"
 *
 * const [from, to] = [{ address: "192.0.2.1", port: 40_000 }, { address: "192.0.2.2", port: 1070 }]
 * const bytes = CourseProtocol.encodeRequest({ min: 0, max: 1_000 })
 * Dissector.dissector.dissect({ transport: "tcp", kind: "data", from, to, bytes })?.summary // => "count 0 to 1000"
 * ```
 */
import * as FieldDissector from "../network/dissect/FieldDissector.ts"
import * as CourseProtocol from "./CourseProtocol.ts"

const { messageBytes } = CourseProtocol

/** Messages of a segment that are decoded, and those that its summary shows. */
const maxMessages = 64
const maxSummaryMessages = 4

const listed = (texts: ReadonlyArray<string>) => {
  const hidden = texts.length - maxSummaryMessages
  return [...texts.slice(0, maxSummaryMessages), ...(hidden > 0 ? [`${hidden} more`] : [])].join(", ")
}

const requests = (bytes: Uint8Array): FieldDissector.FieldDissection | undefined => {
  if (bytes.length === 0 || bytes.length % messageBytes.request !== 0) return undefined
  const ranges = CourseProtocol.requestDecoder().push(bytes.subarray(0, maxMessages * messageBytes.request))
  if (ranges.some(({ max, min }) => min < 0 || max < min)) return undefined
  const summary = `count ${listed(ranges.map(({ max, min }) => `${min} to ${max}`))}`
  const fields = ranges.flatMap(({ max, min }) => [["primes.min", min] as const, ["primes.max", max] as const])
  return { kind: "REQUEST", summary, fields }
}

const responses = (bytes: Uint8Array): FieldDissector.FieldDissection | undefined => {
  if (bytes.length === 0 || bytes.length % messageBytes.response !== 0) return undefined
  const counts = CourseProtocol.responseDecoder().push(bytes.subarray(0, maxMessages * messageBytes.response))
  if (counts.some((count) => count < 0)) return undefined
  return {
    kind: "RESPONSE",
    summary: listed(counts.map(String)),
    fields: counts.map((count) => ["primes.count", count] as const)
  }
}

/**
 * The dissector of the course's prime counts on port 1070. Kinds are `REQUEST` and `RESPONSE`.
 *
 * @category constants
 * @since 0.1.0
 */
export const dissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: "primes",
  ports: { tcp: [1070] },
  fields: {
    "primes.min": ["number", "Start of a range"],
    "primes.max": ["number", "End of a range, which is not in it"],
    "primes.count": ["number", "Number of primes in a range"]
  },
  decode: ({ bytes, transport }, fromClient) => {
    if (transport !== "tcp") return undefined
    return fromClient === false ? responses(bytes) : requests(bytes)
  },
  // Any bytes are numbers, but a farm sends no segment as short as one message.
  joins: ({ bytes, transport }, fromClient) =>
    transport === "tcp" &&
    bytes.length === messageBytes[fromClient ? "request" : "response"] &&
    (fromClient ? requests : responses)(bytes) !== undefined
})
