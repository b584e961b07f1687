/**
 * The files that a browser loads: the page, its scripts, styles and icon, by path. Pure.
 *
 * A path is a key, not a path of a file system: a path that leads out of the assets, such as `/../package.json`, is
 * one that has no asset.
 *
 * **Example** (A page of one file)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { PageAssets } from "effect-inet/web"
 *
 * const bytes = new TextEncoder().encode("<title>Hello</title>")
 * const index = PageAssets.makeAsset("/index.html", { bytes, brotli: undefined, hash: "1" })
 * const assets = PageAssets.fromMap(new Map([["/index.html", index]]))
 *
 * const program = Effect.gen(function* () {
 *   const found = yield* assets.get("/")
 *   found?.type // => "text/html; charset=utf-8"
 *   const outside = yield* assets.get("/../package.json")
 *   outside // => undefined
 * })
 *
 * await Effect.runPromise(program)
 * ```
 */
import * as Effect from "effect/Effect"

/** A file that a browser loads. @category models @since 0.1.0 */
export interface Asset {
  /** Media type, for the header `content-type`. */
  readonly type: string
  readonly bytes: Uint8Array
  /** The same bytes, compressed by brotli. Absent if that is not shorter. */
  readonly brotli: Uint8Array | undefined
  /** Value of the header `etag`, in quotes. */
  readonly etag: string
  /** True if the path has a hash of the content: a browser may keep it for ever. */
  readonly isImmutable: boolean
}

/** The files that a browser loads. @category models @since 0.1.0 */
export interface PageAssets {
  /** Returns the asset of a path such as `/` or `/assets/main-1a2b3c.js`. Waits until the page is bundled. */
  readonly get: (path: string) => Effect.Effect<Asset | undefined>
}

/** The files of a page by path, before they are compressed. @category models @since 0.1.0 */
export type Files = ReadonlyMap<string, Uint8Array>

/** The path of the page itself. @category constants @since 0.1.0 */
export const indexPath = "/index.html"

/** The folder of the files whose names have a hash of their content. @category constants @since 0.1.0 */
export const hashedFolder = "/assets/"

const mediaTypes: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8"
}

/** Returns the media type of a path by its extension. @category getters @since 0.1.0 */
export const mediaType = (path: string): string =>
  mediaTypes[/\.(\w+)$/.exec(path)?.[1] ?? ""] ?? "application/octet-stream"

/** Builds an asset. The entity tag is a hash of the bytes. @category constructors @since 0.1.0 */
export const makeAsset = (
  path: string,
  content: { readonly bytes: Uint8Array; readonly brotli: Uint8Array | undefined; readonly hash: string }
): Asset => ({
  type: mediaType(path),
  bytes: content.bytes,
  brotli: content.brotli !== undefined && content.brotli.length < content.bytes.length ? content.brotli : undefined,
  etag: `"${content.hash}"`,
  isImmutable: path.startsWith(hashedFolder)
})

/** Builds the assets of a page from those by path. @category constructors @since 0.1.0 */
export const fromMap = (assets: ReadonlyMap<string, Asset>): PageAssets => fromEffect(Effect.succeed(assets))

/** Builds the assets of a page that are loaded later. @category constructors @since 0.1.0 */
export const fromEffect = (assets: Effect.Effect<ReadonlyMap<string, Asset>>): PageAssets => ({
  get: (path) => Effect.map(assets, (found) => found.get(path === "/" ? indexPath : path))
})
