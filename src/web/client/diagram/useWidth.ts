/** The width of an element, which a diagram needs before it can be laid out. */
import type { RefObject } from "preact"
import { useLayoutEffect, useState } from "preact/hooks"

/** Returns the width of the content of an element, now and after each change; 0 before it is known. */
export const useWidth = (element: RefObject<HTMLElement>): number => {
  const [widthPixels, setWidthPixels] = useState(0)
  useLayoutEffect(() => {
    const { current } = element
    if (current === null) return
    const measure = () => setWidthPixels(current.clientWidth)
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(current)
    return () => observer.disconnect()
  }, [element])
  return widthPixels
}
