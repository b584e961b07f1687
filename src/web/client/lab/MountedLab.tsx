/** The laboratory as a view of the page. The build resolves `mount.tsx` to a bundle of its own. */
import { useEffect, useRef } from "preact/hooks"
import { mount } from "./mount.tsx"

/** Shows the laboratory. */
export const MountedLab = () => {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => mount(box.current!), [])
  return <div ref={box} />
}
