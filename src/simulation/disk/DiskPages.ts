/** Content of a file in pages; pages that were never written read as zeros and take no space. */

/** Bytes of a page: the unit in which the page cache is written to the disk. */
export const pageBytes = 4_096

/** Bytes of a sector: the largest unit that a disk writes whole when the power fails. */
export const sectorBytes = 512

/** Content of a file. */
export interface DiskPages {
  readonly pages: Map<number, Uint8Array>
  size: number
}

/** A part of a write that lies on one page. */
export interface Piece {
  readonly page: number
  /** Position in the page. */
  readonly at: number
  readonly bytes: Uint8Array
}

export const make = (): DiskPages => ({ pages: new Map(), size: 0 })

/** Copies a content. */
export const clone = ({ pages, size }: DiskPages): DiskPages => {
  const copies = new Map<number, Uint8Array>()
  for (const [page, bytes] of pages) copies.set(page, bytes.slice())
  return { pages: copies, size }
}

/** Splits a write into its parts on each page. */
export function* piecesOf(offset: number, bytes: Uint8Array): Generator<Piece> {
  for (let done = 0; done < bytes.length; ) {
    const position = offset + done
    const at = position % pageBytes
    const length = Math.min(pageBytes - at, bytes.length - done)
    yield { page: Math.floor(position / pageBytes), at, bytes: bytes.subarray(done, done + length) }
    done += length
  }
}

/** Writes a part of a page, without a change of the size. */
export const writePiece = ({ pages }: DiskPages, { at, bytes, page }: Piece): void => {
  let target = pages.get(page)
  if (target === undefined) {
    target = new Uint8Array(pageBytes)
    pages.set(page, target)
  }
  target.set(bytes, at)
}

/** Writes bytes at an offset; the size grows if they end beyond it. */
export const write = (content: DiskPages, offset: number, bytes: Uint8Array): void => {
  for (const piece of piecesOf(offset, bytes)) writePiece(content, piece)
  content.size = Math.max(content.size, offset + bytes.length)
}

/** Returns the number of pages that a write would add. */
export const pagesToAdd = ({ pages }: DiskPages, offset: number, length: number): number => {
  let count = 0
  const last = Math.floor((offset + length - 1) / pageBytes)
  for (let page = Math.floor(offset / pageBytes); page <= last && length > 0; page++) if (!pages.has(page)) count++
  return count
}

/** Sets the size: what is beyond it is deleted, and zero if the file grows again. */
export const resize = (content: DiskPages, size: number): void => {
  if (size < content.size) {
    const first = Math.ceil(size / pageBytes)
    for (const page of [...content.pages.keys()]) if (page >= first) content.pages.delete(page)
    content.pages.get(Math.floor(size / pageBytes))?.fill(0, size % pageBytes)
  }
  content.size = size
}

/** Copies bytes from an offset into a buffer; returns their number, fewer than fit only at the end. */
export const read = ({ pages, size }: DiskPages, offset: number, into: Uint8Array): number => {
  const length = Math.max(0, Math.min(into.length, size - offset))
  for (let done = 0; done < length; ) {
    const position = offset + done
    const at = position % pageBytes
    const count = Math.min(pageBytes - at, length - done)
    const page = pages.get(Math.floor(position / pageBytes))
    if (page === undefined) into.fill(0, done, done + count)
    else into.set(page.subarray(at, at + count), done)
    done += count
  }
  return length
}

/** Returns the whole content. */
export const toBytes = (content: DiskPages): Uint8Array => {
  const bytes = new Uint8Array(content.size)
  read(content, 0, bytes)
  return bytes
}

/** Returns true if two contents have the same bytes. */
export const isEqual = (one: DiskPages, other: DiskPages): boolean => {
  if (one.size !== other.size) return false
  const [left, right] = [toBytes(one), toBytes(other)]
  return left.every((byte, index) => byte === right[index])
}
