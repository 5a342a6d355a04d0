/** Two lines that take the same steps, one a moment behind the other. */
export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 26 26" aria-hidden fill="none" strokeWidth={2.6}>
      <path d="M2 15.5h6.5v-6h6.5v-6h8" stroke="currentColor" />
      <path d="M3 22h11.5v-6h6.5v-6h3" stroke="var(--ok-fill)" />
    </svg>
  );
}
