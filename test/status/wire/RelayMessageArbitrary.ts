import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as RelayMessage from "../../../src/status/wire/RelayMessage.ts"

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Arbitrary bytes within a range of lengths. */
export const bytes = (least: number, most: number) =>
  Schema.Array(int(0, 255)).check(Schema.isMinLength(least), Schema.isMaxLength(most))

/** A control message. */
export const control = Schema.Struct({
  _tag: Schema.Literals(["Subscribe", "Challenge", "Granted", "Full", "Leave"]),
  lease: int(0, 0xffff_ffff),
  cookie: bytes(RelayMessage.sizeBytes.cookie, RelayMessage.sizeBytes.cookie)
})

/** An origin, as a canonical IP literal. */
export const peer = Schema.Struct({
  octets: Schema.Union([bytes(4, 4), bytes(16, 16)]),
  port: int(0, 65_535)
})

export const peerOf = ({ octets, port }: typeof peer.Type) => {
  const raw = Uint8Array.from(octets)
  const address = raw.length === 4 ? NetAddress.ipv4FromBytesUnsafe(raw) : NetAddress.ipv6FromBytesUnsafe(raw)
  return { address: NetAddress.formatIp(NetAddress.toCanonical(address)), port }
}
