/** Messages between servers, and between clients and servers: one datagram each, as JSON. */
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Endpoint } from "effect-inet/network"
import * as KeyValue from "./KeyValue.ts"
import * as Log from "./RaftLog.ts"

const { Boolean: Flag, Int, String: Text, TaggedStruct } = Schema

/** The messages of the paper; `round` numbers the broadcasts of a leader, for its reads (dissertation, section 6.4). */
export const Message = Schema.Union([
  /** With `isPre`, asks only if the vote would be given (dissertation, section 9.6). */
  TaggedStruct("RequestVote", { term: Int, isPre: Flag, lastIndex: Int, lastTerm: Int }),
  TaggedStruct("Vote", { term: Int, isPre: Flag, isGranted: Flag }),
  TaggedStruct("Append", {
    ...{ term: Int, round: Int, previousIndex: Int, previousTerm: Int },
    ...{ entries: Schema.Array(Log.Entry), commit: Int }
  }),
  TaggedStruct("Install", { term: Int, round: Int, snapshot: Log.Snapshot }),
  /** Answers Append and Install: the log agrees with the leader's up to `index`, or ends there if not `isOk`. */
  TaggedStruct("Appended", { term: Int, round: Int, isOk: Flag, index: Int }),
  TaggedStruct("Submit", { request: KeyValue.Request }),
  /** Adds a server to the members, or removes it. */
  TaggedStruct("Change", { server: Text, isMember: Flag }),
  TaggedStruct("Reply", { serial: Int, reply: Text }),
  TaggedStruct("NotLeader", { leader: Schema.NullOr(Text) })
])
export type Message = typeof Message.Type

const decodeMessage = Schema.decodeUnknownOption(Schema.fromJsonString(Message))

/** Decodes a datagram; none if it is not a message. */
export const decode = (bytes: Uint8Array): Option.Option<Message> => decodeMessage(new TextDecoder().decode(bytes))

export const encode = (message: Message): Uint8Array => new TextEncoder().encode(JSON.stringify(message))

/** Formats an address as the name of a server or a client: `10.0.0.1:5000`. */
export const nameOf = ({ address, port }: Endpoint.Endpoint): string => `${address}:${port}`

export const addressOf = (name: string): Endpoint.Endpoint => {
  const at = name.lastIndexOf(":")
  return { address: name.slice(0, at), port: Number(name.slice(at + 1)) }
}
