/** Valid packets of the course, and arbitrary datagrams of 72 bytes. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type * as CoursePacket from "../../../src/status/wire/CoursePacket.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const number = between(-(2 ** 31), 2 ** 31 - 1)

/** Names of 1 to 63 bytes: at most 15 characters of at most 4 bytes. */
const name = Arbitrary.map(
  Arbitrary.schema(Schema.String),
  (text) => `n${[...text.toWellFormed().replaceAll("\0", "")].slice(0, 15).join("")}`
)

export const packets: Arbitrary.Arbitrary<CoursePacket.CoursePacket> = Arbitrary.map(
  Arbitrary.all([name, number, number]),
  ([name, x, y]) => ({ name, x, y })
)

/** Arbitrary bytes of the packet's size, with some NULs. */
export const datagrams = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.map(Arbitrary.all([between(0, 255), between(0, 20)]), ([byte, choice]) => (choice === 0 ? 0 : byte)),
    { minLength: 72, maxLength: 72 }
  ),
  (bytes) => Uint8Array.from(bytes)
)
