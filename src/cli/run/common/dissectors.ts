/** Dissectors of the services of this package, for fault plans and captures. */
import type * as Packet from "../../../network/Packet.ts"
import * as Status from "../../../status/wire/Dissector.ts"
import * as Tftp from "../../../tftp/protocol/Dissector.ts"

export const dissectors: ReadonlyArray<Packet.Dissector> = [Tftp.dissector, Status.dissector]
