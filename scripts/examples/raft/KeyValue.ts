/**
 * The replicated state machine: texts by key, and the last reply to each client.
 *
 * A client numbers its requests. A request that was applied before is answered again and changes nothing, so that a
 * client may repeat it (Ongaro's dissertation, section 6.3).
 */
import * as Schema from "effect/Schema"

/** Appends to the text of a key, or reads it. Both return the text, which shows every lost or repeated request. */
export const Operation = Schema.Union([
  Schema.TaggedStruct("Append", { key: Schema.String, text: Schema.String }),
  Schema.TaggedStruct("Get", { key: Schema.String })
])
export type Operation = typeof Operation.Type

/** A request of a client; `serial` grows by one with each new request. */
export const Request = Schema.Struct({ client: Schema.String, serial: Schema.Int, operation: Operation })
export type Request = typeof Request.Type

/** The texts by key, and the last request of each client with its reply. */
export const State = Schema.Struct({
  texts: Schema.Record(Schema.String, Schema.String),
  sessions: Schema.Record(Schema.String, Schema.Struct({ serial: Schema.Int, reply: Schema.String }))
})
export type State = typeof State.Type

export const empty: State = { texts: {}, sessions: {} }

export const get = ({ texts }: State, key: string): string => texts[key] ?? ""

/** Applies a request unless it is an old one; returns the reply. */
export const apply = (state: State, { client, operation, serial }: Request): readonly [State, string] => {
  const session = state.sessions[client]
  if (session !== undefined && serial <= session.serial) return [state, session.reply]
  const { key } = operation
  const reply = operation._tag === "Append" ? get(state, key) + operation.text : get(state, key)
  const texts = operation._tag === "Append" ? { ...state.texts, [key]: reply } : state.texts
  return [{ texts, sessions: { ...state.sessions, [client]: { serial, reply } } }, reply]
}
