type Makers = Readonly<Record<string, () => unknown>>;

/** The values that the makers make, each under its maker's name. */
export type Made<All extends Makers> = { readonly [Name in keyof All]: ReturnType<All[Name]> };

/**
 * Makes objects whose values are made when they are first asked for, and then kept. It is for objects of
 * which every request has one but uses only a part or two. All have the same names.
 *
 * The getters are on a prototype that all objects share: putting them on each object would cost more than
 * making the values.
 */
export function createLazy() {
  let prototype: object | undefined;

  return <All extends Makers>(makers: All): Made<All> => {
    prototype ??= prototypeOf(Object.keys(makers));
    const lazy = Object.create(prototype) as Lazy;
    lazy[MAKERS] = makers;
    lazy[VALUES] = {};
    return lazy as unknown as Made<All>; // Safe: it has a getter for each of the names.
  };
}

const MAKERS = Symbol("makers");
const VALUES = Symbol("values");

interface Lazy {
  [MAKERS]: Makers;
  [VALUES]: Record<string, unknown>;
}

function prototypeOf(names: readonly string[]): object {
  const prototype = {};
  for (const name of names) {
    Object.defineProperty(prototype, name, {
      get(this: Lazy) {
        const values = this[VALUES];
        values[name] ??= this[MAKERS][name]!();
        return values[name];
      },
    });
  }
  return prototype;
}
