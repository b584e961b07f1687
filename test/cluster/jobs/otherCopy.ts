/** A job as another copy of `effect` makes it: the nodes of its schemas have other classes. */
import { job as steps } from "./steps.ts"

const { packet } = steps

export const job = { ...steps, packet: Object.create(packet, { ast: { value: { ...packet.ast } } }) as typeof packet }
