/** A packet as an arrow of a sequence diagram, from live traffic and from the laboratory. Pure. */
import * as Schema from "effect/Schema"

/** A packet between two hosts, or two endpoints of one host. @category schemas @since 0.1.0 */
export const Arrow = Schema.Struct({
  /** Number of the packet, from 1, in the order of sending. */
  number: Schema.Int,
  /** Column of the sender and of the receiver: a host, or an endpoint such as `127.0.0.1:6969`. */
  from: Schema.String,
  to: Schema.String,
  /** Time of sending in milliseconds: since the start of the run in the laboratory, since 1970 on a real network. */
  sentMillis: Schema.Finite,
  /** Time of arrival. Absent on a real network, where it is not known, and for a lost packet. */
  arrivesMillis: Schema.optionalKey(Schema.Finite),
  lost: Schema.Boolean,
  transport: Schema.Literals(["udp", "tcp"]),
  /** Short word, such as `DATA` or `syn`. */
  kind: Schema.String,
  /** One line, such as `DATA block 3, 512 bytes`. */
  label: Schema.String,
  /** Bytes of the payload. */
  bytes: Schema.Int,
  /** The fault applied to it, such as `drop` or `duplicate`. */
  fault: Schema.optionalKey(Schema.String)
})

/** A packet between two hosts. @category models @since 0.1.0 */
export type Arrow = typeof Arrow.Type
