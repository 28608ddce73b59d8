/**
 * A small line without axes. Its meaning is said by the number above it, so it is hidden from screen readers.
 */
export function Sparkline({ values }: { readonly values: readonly (number | null)[] }) {
  const numbers = values.filter((value) => value !== null);
  if (numbers.length < 2) return <div className="sparkline" />;
  const highest = Math.max(...numbers);
  const lowest = Math.min(...numbers, 0);
  const span = highest - lowest || 1;
  const step = 100 / (numbers.length - 1);
  const points = numbers.map((value, index) => {
    const y = 30 - ((value - lowest) / span) * 28;
    return `${(index * step).toFixed(2)},${y.toFixed(2)}`;
  });
  return (
    <svg className="sparkline" viewBox="0 0 100 32" preserveAspectRatio="none" aria-hidden="true">
      <path className="sparkline-area" d={`M0,32L${points.join('L')}L100,32Z`} />
      <path className="sparkline-line" d={`M${points.join('L')}`} />
    </svg>
  );
}
