/** The files of a page as assets: compressed, and named by a hash of their content. */
import * as Crypto from "node:crypto"
import { promisify } from "node:util"
import * as Zlib from "node:zlib"
import * as PageAssets from "./PageAssets.ts"

const brotli = promisify(Zlib.brotliCompress)

/** Returns the hash by which a file is known. */
export const sha256 = (bytes: Uint8Array | string): string =>
  Crypto.createHash("sha256").update(bytes).digest("base64url")

/** Compresses the files of a page. It takes a second of processor time for all of them, outside the event loop. */
export const compress = async (files: PageAssets.Files): Promise<ReadonlyMap<string, PageAssets.Asset>> => {
  const assets = [...files].map(
    async ([path, bytes]) =>
      [path, PageAssets.makeAsset(path, { bytes, brotli: await brotli(bytes), hash: sha256(bytes) })] as const
  )
  return new Map(await Promise.all(assets))
}
