/** Detection of the format of a file by its first bytes. */
import { isPcap } from "./PcapDecoder.ts"
import { blockTypes } from "./PcapngFormat.ts"

/** A compression that a `Decompressor` can undo. */
export type Compression = "gzip" | "zstd"

/** Format of a file, by its first bytes. */
export type FileType =
  | { readonly _tag: "Pcapng" }
  | { readonly _tag: "Pcap" }
  /** A known format, and what makes it readable. */
  | { readonly _tag: "Unsupported"; readonly name: string; readonly fix: string }
  | { readonly _tag: "Unknown" }

/** Number of bytes that `detect` needs, unless the file is shorter. */
export const signatureBytes = 16

const editcap = "convert it with editcap -F pcapng IN OUT"

const decompressWith = (command: string) => `decompress it with ${command}`

/** First bytes of formats that are not read here, as text of one byte per character. */
const signatures: ReadonlyArray<readonly [start: string, name: string, fix: string]> = [
  ["\x1f\x8b", "gzip inside of a compressed file", decompressWith("gzip -d")],
  ["\x28\xb5\x2f\xfd", "zstd inside of a compressed file", decompressWith("zstd -d")],
  ["\x04\x22\x4d\x18", "lz4", decompressWith("lz4 -d")],
  ["\xfd7zXZ\x00", "xz", decompressWith("xz -d")],
  ["BZh", "bzip2", decompressWith("bzip2 -d")],
  ["\x1f\x9d", "compress", decompressWith("gzip -d")],
  ["PK\x03\x04", "zip", decompressWith("unzip")],
  ["7z\xbc\xaf\x27\x1c", "7-Zip", decompressWith("7z x")],
  ["snoop\x00\x00\x00", "Sun snoop", editcap],
  ["btsnoop\x00", "Bluetooth btsnoop", editcap],
  ["RTSS", "Microsoft Network Monitor 1", editcap],
  ["GMBU", "Microsoft Network Monitor 2", editcap],
  ["TRSNIFF data", "Sniffer (DOS)", editcap],
  ["XCP\x00", "NetXRay or Sniffer (Windows)", editcap],
  ["VL\x00\x00", "NetXRay 1", editcap],
  ["ObserverPktBuffe", "Network Instruments Observer", editcap],
  ["iptrace ", "AIX iptrace", editcap],
  ["\x7fver", "EtherPeek or OmniPeek (tagged)", editcap],
  ["\x05VNF", "Visual Networks", editcap],
  ["\xaa\xaa\xaa\xaa", "5Views", editcap],
  ["\x00\x00\x02\x00\x12\x05\x00\x10", "Tektronix K12", editcap],
  ["\x01\x10", "LANalyzer", editcap],
  ["\x07\x10", "LANalyzer", editcap],
  ["Session Transcript", "Catapult DCT2000", editcap],
  ["__CURSOR=", "systemd journal export", editcap],
  ["__REALTIME_TIMES", "systemd journal export", editcap],
  ["<?xml", "XML", "give the capture from which it was made"]
]

const startsWith = (bytes: Uint8Array, start: string) => {
  if (bytes.length < start.length) return false
  for (let i = 0; i < start.length; i++) if (bytes[i] !== start.charCodeAt(i)) return false
  return true
}

const magicOf = (bytes: Uint8Array) =>
  bytes.length < 4 ? undefined : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)

/** Apple PacketLogger has no magic number: a length, a time and a type of packet. */
const isPacketLogger = (bytes: Uint8Array) => {
  if (bytes.length < 13) return false
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const length = view.getUint32(0)
  const microseconds = view.getUint32(8)
  return length >= 9 && length < 65_536 && microseconds < 1_000_000 && view.getUint32(4) > 1_000_000_000
}

/** Detects the format of a file that is not compressed. */
export const detect = (bytes: Uint8Array): FileType => {
  const magic = magicOf(bytes)
  if (magic === blockTypes.section) return { _tag: "Pcapng" }
  if (magic !== undefined && isPcap(magic)) return { _tag: "Pcap" }
  const signature = signatures.find(([start]) => startsWith(bytes, start))
  if (signature !== undefined) return { _tag: "Unsupported", name: signature[1], fix: signature[2] }
  if (isPacketLogger(bytes)) return { _tag: "Unsupported", name: "Apple PacketLogger", fix: editcap }
  return { _tag: "Unknown" }
}

/** Skippable frames of zstd, which may come first, have 16 magic numbers. */
const isZstd = (bytes: Uint8Array) =>
  startsWith(bytes, "\x28\xb5\x2f\xfd") || (bytes[0]! >> 4 === 5 && startsWith(bytes.subarray(1), "\x2a\x4d\x18"))

/** Returns the compression of a file; undefined if it has none or another one. */
export const compressionOf = (bytes: Uint8Array): Compression | undefined =>
  startsWith(bytes, "\x1f\x8b\x08") ? "gzip" : isZstd(bytes) ? "zstd" : undefined
