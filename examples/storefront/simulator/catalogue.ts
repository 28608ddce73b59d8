import type { Random } from '@millrace/core/base';

export interface Product {
  readonly product_id: string;
  readonly category: string;
  readonly price: number;
}

const SHELVES: Readonly<Record<string, readonly [name: string, price: number][]>> = {
  kitchen: [
    ['kettle', 39.9],
    ['skillet', 54.5],
    ['espresso-cups', 24],
    ['cutting-board', 31],
    ['mortar', 27.5],
  ],
  garden: [
    ['secateurs', 22.9],
    ['watering-can', 18.5],
    ['hose', 44],
    ['planter', 33.2],
    ['hammock', 89],
  ],
  desk: [
    ['lamp', 64],
    ['notebook', 9.5],
    ['monitor-arm', 119],
    ['pen-set', 17.8],
    ['chair', 289],
  ],
  travel: [
    ['backpack', 98],
    ['packing-cubes', 29],
    ['adapter', 21.5],
    ['bottle', 26],
    ['neck-pillow', 19.9],
  ],
  sound: [
    ['headphones', 179],
    ['speaker', 129],
    ['turntable', 349],
    ['record-brush', 14.9],
    ['earbuds', 79],
  ],
};

export const PRODUCTS: readonly Product[] = Object.entries(SHELVES).flatMap(([category, shelf]) =>
  shelf.map(([name, price]) => ({ product_id: name, category, price })),
);

export const COUNTRIES = ['DE', 'FR', 'US', 'GB', 'ES', 'IT', 'NL', 'SE'] as const;

/** Small indexes are much more likely than large ones: few products and shoppers make most of the traffic. */
export function popular<Item>(items: readonly Item[], random: Random): Item {
  const skewed = random.next() ** 2.2;
  return items[Math.floor(skewed * items.length)] as Item;
}
