import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

type Colors = Readonly<Record<string, string>>;

const css = readFileSync(join(import.meta.dirname, 'tokens.css'), 'utf8');

/** The colours of one rule; those of `:root` stand for what the rule does not say. */
function colorsOf(selector: string): Colors {
  const from = css.indexOf(`${selector} {`);
  assert.ok(from >= 0, `tokens.css has no rule ${selector}`);
  const block = css.slice(from, css.indexOf('}', from));
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+): (#[\da-f]{6});/g)].map(([, name, hex]) => [name, hex]),
  );
}

const light = colorsOf(':root');
const themes: Readonly<Record<string, Colors>> = {
  light,
  dark: { ...light, ...colorsOf(":root[data-theme='dark']") },
};

/** WCAG 2.2, "relative luminance". */
function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((from) => {
    const channel = Number.parseInt(hex.slice(from, from + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(colors: Colors, one: string, other: string): number {
  const [low, high] = [luminance(colors[one] as string), luminance(colors[other] as string)].toSorted(
    (a, b) => a - b,
  );
  return ((high as number) + 0.05) / ((low as number) + 0.05);
}

for (const [theme, colors] of Object.entries(themes)) {
  test(`text can be read in the ${theme} theme`, () => {
    const tones = ['accent', 'good', 'warn', 'bad'].flatMap((tone) => [
      [tone, 'surface'],
      [tone, `${tone}-soft`],
    ]);
    const inks = ['ink', 'ink-2', 'ink-3'].flatMap((ink) => [
      [ink, 'page'],
      [ink, 'surface'],
      [ink, 'raised'],
      [ink, 'sunken'],
    ]);
    const inverted = [
      ['surface', 'accent'],
      ['surface', 'bad'],
    ];
    for (const [text, ground] of [...inks, ...tones, ...inverted] as [string, string][]) {
      const ratio = contrast(colors, text, ground);
      assert.ok(ratio >= 4.5, `${text} on ${ground}: ${ratio.toFixed(2)}`);
    }
  });

  test(`lines can be seen in the ${theme} theme`, () => {
    for (let line = 1; line <= 8; line++) {
      const ratio = contrast(colors, `line-${line}`, 'surface');
      assert.ok(ratio >= 3, `line ${line}: ${ratio.toFixed(2)}`);
    }
  });
}

test('the system theme and the chosen one are the same dark', () => {
  assert.deepEqual(colorsOf(":root:not([data-theme='light'])"), colorsOf(":root[data-theme='dark']"));
});
