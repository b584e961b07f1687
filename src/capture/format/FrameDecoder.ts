/** Decoder of frames of any link type: the table of all layers, and the loop that goes through them. */
import type * as IpFragments from "../reassembly/IpFragments.ts"
import type { DecodedPacket } from "./DecodedPacket.ts"
import * as EthernetLayer from "./EthernetLayer.ts"
import * as Frame from "./Frame.ts"
import * as IpLayer from "./IpLayer.ts"
import * as LinkLayer from "./LinkLayer.ts"
import * as LinkTypeNames from "./LinkTypeNames.ts"
import * as Transport from "./Transport.ts"

const layers: ReadonlyMap<number, Frame.Layer> = new Map([
  ...LinkLayer.layers,
  ...EthernetLayer.layers,
  ...IpLayer.layers,
  ...Transport.layers
])

const names: ReadonlyMap<number, string> = new Map([...EthernetLayer.names, ...IpLayer.names])

/** Maximum number of layers: a tunnel in a tunnel has no end otherwise. */
const maxLayers = 48

const hex = (value: number) => `0x${value.toString(16).padStart(4, "0")}`

/** Names the layer that no module decodes. */
const describe = (frame: Frame.Frame, key: number) => {
  const value = key & 0xffff
  const isIp = key - value === Frame.ipProtocol(0)
  const isPpp = key - value === Frame.pppProtocol(0)
  if (key - value === Frame.linkType(0)) {
    const name = LinkTypeNames.nameOf(value)
    Frame.addNote(frame, `link type ${value}${name === undefined ? "" : ` (${name})`} is not decoded`)
    return
  }
  frame.protocol = names.get(key) ?? (isIp ? `IP protocol ${value}` : `${isPpp ? "PPP" : "EtherType"} ${hex(value)}`)
  frame.headerLength = frame.base + frame.at
}

const walk = (frame: Frame.Frame, first: number): DecodedPacket => {
  let key = first
  for (let depth = 0; key !== Frame.done; depth++) {
    const layer = layers.get(key)
    if (layer === undefined || depth === maxLayers) {
      if (layer === undefined) describe(frame, key)
      else Frame.addProblem(frame, `more than ${maxLayers} layers`)
      break
    }
    key = layer(frame)
  }
  return Frame.toPacket(frame)
}

/** A frame of a capture. */
interface Input {
  readonly linkType: number
  readonly bytes: Uint8Array
  /** Length on the wire in bytes, at least that of `bytes`. */
  readonly originalLength: number
  /** Time in nanoseconds. */
  readonly at: bigint
}

/** Decodes a frame of any bytes. Never throws. */
export const decode = (
  { at, bytes, linkType, originalLength }: Input,
  fragments: IpFragments.IpFragments
): DecodedPacket => {
  const absent = Math.max(0, originalLength - bytes.length)
  const frame = Frame.make(bytes, absent, at, fragments)
  if (absent > 0) Frame.addNote(frame, `truncated by the snap length: ${bytes.length} of ${originalLength} bytes`)
  return walk(frame, Frame.linkType(linkType))
}

const ipKey = Frame.etherType(0x0800)

/** Decodes an IP packet of any bytes, which has `absent` more bytes than are here. Never throws. */
export const decodeIp = (bytes: Uint8Array, absent: number): DecodedPacket => walk(Frame.make(bytes, absent), ipKey)
