/**
 * Dissector of the messages of effect/rpc in JSON, also in bodies of HTTP. Of a request to an entity of effect/cluster,
 * it shows the entity. The tags of messages are kinds for the rules of fault plans: `Request`, `Chunk`, `Exit`.
 *
 * **Example** (A request)
 *
 * ```ts
 * import { Packet, RpcDissector } from "effect-inet/network"
 *
 * const message = { _tag: "Request", id: 0, tag: "Add", payload: { n: 1 }, headers: [] }
 * const packet: Packet.Packet = {
 *   transport: "tcp",
 *   kind: "data",
 *   from: { address: "192.0.2.1", port: 40_000 },
 *   to: { address: "192.0.2.2", port: 80 },
 *   bytes: new TextEncoder().encode(JSON.stringify(message))
 * }
 * RpcDissector.dissector.dissect(packet)?.summary // => 'Request 0 Add {"n":1}'
 * ```
 */
import type * as Packet from "../Packet.ts"
import * as PayloadText from "./PayloadText.ts"

/** An object of JSON, in which every property may be absent. */
type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const objectAt = (value: Json, name: string): Json => {
  const found = value[name]
  return isObject(found) ? found : {}
}

/** Formats values for readers; objects as JSON. */
const words = (...values: ReadonlyArray<unknown>): string =>
  values
    .flatMap((value) => (value === undefined ? [] : [typeof value === "string" ? value : JSON.stringify(value)]))
    .join(" ")

/** Formats a reason of a failure; an error with its tag first. */
const reasonOf = (reason: unknown): string => {
  if (!isObject(reason)) return words(reason)
  const problem = reason.error ?? reason.defect
  if (!isObject(problem) || typeof problem._tag !== "string") return words(reason._tag, problem)
  const { _tag, ...rest } = problem
  return words(_tag, rest)
}

/** Formats an exit; that of a request to an entity is in the reply of its runner. */
const exitOf = (exit: Json): string => {
  const { cause } = exit
  if (exit._tag !== "Success") return words("Failure", ...(Array.isArray(cause) ? cause.map(reasonOf) : [cause]))
  const { value } = exit
  return isObject(value) && value._tag === "WithExit" ? exitOf(objectAt(value, "exit")) : words("Success", value)
}

/** Formats a request; one to an entity with the entity, and with its own name instead of that of the runner. */
const requestOf = ({ id, payload, tag }: Json): string => {
  const inner = isObject(payload) ? (payload.request ?? payload.envelope) : undefined
  if (!isObject(inner) || !isObject(inner.address)) return words(id, tag, payload)
  const { entityId, entityType } = inner.address
  return words(id, `${entityType}/${entityId}`, inner.tag ?? inner._tag, inner.payload)
}

/** Texts of the messages by tag. */
const texts: Readonly<Record<string, (message: Json) => string>> = {
  Request: requestOf,
  Ack: ({ requestId }) => words(requestId),
  Interrupt: ({ requestId }) => words(requestId),
  Chunk: ({ requestId, values }) => words(requestId, values),
  Exit: (message) => words(message.requestId, exitOf(objectAt(message, "exit"))),
  Defect: ({ defect }) => words(defect),
  Eof: () => "",
  Ping: () => "",
  Pong: () => ""
}

const parse = (line: string): ReadonlyArray<unknown> => {
  try {
    return [JSON.parse(line)].flat()
  } catch {
    // The message continues in the next segment.
    const [, tag] = /^\[?\{"_tag":"(\w+)"/.exec(line) ?? []
    return tag === undefined ? [] : [{ _tag: tag, isCut: true }]
  }
}

const describe = (message: unknown): ReadonlyArray<Packet.Dissection> => {
  if (!isObject(message)) return []
  const kind = message._tag
  if (typeof kind !== "string" || !Object.hasOwn(texts, kind)) return []
  const text = message.isCut === true ? "\u2026" : texts[kind]!(message)
  return [{ kind, summary: text === "" ? kind : `${kind} ${text}` }]
}

/**
 * Dissector of the messages of effect/rpc; the kind of a packet is that of its first message.
 *
 * @category dissectors
 * @since 0.1.0
 */
export const dissector: Packet.Dissector = {
  name: "rpc",
  dissect: ({ bytes }) => {
    const text = PayloadText.decode(bytes)
    if (text === undefined) return undefined
    // The other lines are those of HTTP.
    const messages = text.split(/\r?\n/).flatMap((line) => (/^[[{]/.test(line) ? parse(line) : []).flatMap(describe))
    const [first] = messages
    return first && { kind: first.kind, summary: messages.map(({ summary }) => summary).join(", ") }
  }
}
