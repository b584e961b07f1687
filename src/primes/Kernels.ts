/** The kernels there are, by name. */
import type { Kernel } from "./Kernel.ts"
import { segmented } from "./Segmented.ts"
import { trial } from "./Trial.ts"
import { wheel } from "./Wheel.ts"

/** All kernels, the fastest first. @category kernels @since 0.1.0 */
export const kernels = { wasm: wheel, segmented, trial } as const satisfies Readonly<Record<string, Kernel>>

/** What a kernel is called. @category models @since 0.1.0 */
export type Name = keyof typeof kernels

/** The names, the fastest first. @category kernels @since 0.1.0 */
export const names = Object.keys(kernels) as ReadonlyArray<Name>

/** The kernel to use unless another is asked for. @category kernels @since 0.1.0 */
export const fastest: Name = "wasm"
