/** Dissectors of the services of this package, for fault plans and captures. */
import * as Result from "effect/Result"
import * as Board from "../../../board/Dissector.ts"
import * as PacketDissector from "../../../capture/dissect/PacketDissector.ts"
import * as DisplayFilter from "../../../capture/filter/DisplayFilter.ts"
import * as Farm from "../../../farm/tcp/wire/Dissector.ts"
import * as Guess from "../../../guess/Dissector.ts"
import * as Hangman from "../../../hangman/Dissector.ts"
import type * as FieldDissector from "../../../network/dissect/FieldDissector.ts"
import type * as Packet from "../../../network/Packet.ts"
import * as Primes from "../../../primes/Dissector.ts"
import * as Rot13 from "../../../rot13/Dissector.ts"
import * as Status from "../../../status/wire/Dissector.ts"
import * as Tftp from "../../../tftp/protocol/Dissector.ts"
import { UsageError } from "../../common/CliErrors.ts"

/** Dissectors by content, whose kinds fault plans name. */
export const dissectors: ReadonlyArray<Packet.Dissector> = [Tftp.dissector, Status.dissector]

/** All dissectors for captures: those of the services, and those of DNS, DHCP, HTTP/1, TLS and NTP. */
export const captureDissectors: ReadonlyArray<FieldDissector.FieldDissector> = [
  ...PacketDissector.standard,
  Rot13.dissector,
  Hangman.dissector,
  Board.dissector,
  Farm.dissector,
  Primes.dissector,
  Guess.dissector,
  Tftp.fieldDissector,
  Status.fieldDissector
]

/** Parses a display filter over the fields of all dissectors; a failure is the error of a wrong flag. */
export const displayFilter = (text: string): Result.Result<DisplayFilter.Filter, UsageError> =>
  Result.mapError(
    DisplayFilter.parse(text, { protocols: captureDissectors }),
    ({ message }) => new UsageError({ message })
  )

/** Parses a rule `PORT=PROTOCOL`; a failure is the error of a wrong flag. */
export const decodeAs = (text: string): Result.Result<PacketDissector.Rule, UsageError> =>
  Result.mapError(
    PacketDissector.parseRule(
      text,
      captureDissectors.map(({ name }) => name)
    ),
    (message) => new UsageError({ message })
  )

/** Creates the dissector of one capture, with all protocols. */
export const packetDissector = (rules: ReadonlyArray<PacketDissector.Rule> = []) =>
  PacketDissector.make({ dissectors: captureDissectors, decodeAs: rules })
