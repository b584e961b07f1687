/** What reads the payloads of our own services, for fault plans and captures. */
import type * as Packet from "../../../network/Packet.ts"
import * as Status from "../../../status/wire/Dissector.ts"
import * as Tftp from "../../../tftp/protocol/Dissector.ts"

export const dissectors: ReadonlyArray<Packet.Dissector> = [Tftp.dissector, Status.dissector]
