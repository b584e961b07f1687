/** Capture of a failed run: its packets as a pcapng file, with a comment on each packet that a fault changed. */
import * as CaptureWriter from "../../capture/CaptureWriter.ts"
import type * as Explanation from "./Explanation.ts"

/** Encodes the packets of a run as the bytes of a pcapng file. */
export const encode = ({ events, hosts }: Pick<Explanation.Run, "events" | "hosts">): ReadonlyArray<Uint8Array> => {
  const names = Object.fromEntries(hosts.flatMap(({ addresses, name }) => addresses.map((address) => [address, name])))
  const writer = CaptureWriter.make({ names, maxPendingBytes: Number.POSITIVE_INFINITY })
  for (const event of events) if (event._tag === "Packet") writer.tap(event.packet)
  return writer.finish()
}
