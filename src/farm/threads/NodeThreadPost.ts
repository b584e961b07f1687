/** The messages by which packets go to a thread. */
import type * as NodeWorkerHandle from "../../process/NodeWorkerHandle.ts"
import type { Task } from "../Worker.ts"
import * as BufferCopy from "./BufferCopy.ts"
import { refusalOf, type ToThread, unsendable } from "./NodeFarmMessage.ts"

/** Returns the outcome of the first packet that is larger than the limit. */
const refusalOfAny = (packets: ReadonlyArray<unknown>, maxBytes: number) => {
  if (maxBytes === Number.POSITIVE_INFINITY) return undefined
  for (const packet of packets) {
    const refusal = refusalOf("packet", packet, maxBytes)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/** Sends packets. If one cannot be sent, each is sent alone, and in place of that one its outcome. */
export const post = (
  thread: NodeWorkerHandle.WorkerHandle<ToThread>,
  tasks: ReadonlyArray<Task>,
  maxPacketBytes: number
) => {
  const packets = Array.from(tasks, ({ packet }) => packet)
  const moved = tasks[0]?.transfer
  let refusal = refusalOfAny(packets, maxPacketBytes)
  if (refusal === undefined) {
    try {
      if (moved !== undefined) {
        const buffers = moved.filter((buffer) => buffer instanceof ArrayBuffer)
        return thread.post({ packets }, buffers)
      }
      // Packets with large buffers are sent alone: see `maxMessageBytes`.
      if (packets.length > 1) return thread.post({ packets })
      const { transfer, value } = BufferCopy.make(packets[0])
      return thread.post({ packets: [value] }, transfer)
    } catch (cause) {
      refusal = unsendable("packet", cause)
    }
  }
  if (tasks.length === 1) return thread.post({ packets: [undefined], refusal })
  for (const task of tasks) post(thread, [task], maxPacketBytes)
}
