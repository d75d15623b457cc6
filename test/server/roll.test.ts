import fc from "fast-check";
import { expect, test } from "vitest";
import { type Place, Roll } from "../../src/server/roll.ts";

test("a roll has the members that were added and not removed, in the order in which they came", () => {
  const step = fc.record({ isAdded: fc.boolean(), which: fc.nat({ max: 20 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const roll = new Roll<number>();
      const expected = new Set<number>();
      const places: Place<number>[] = [];
      for (const { isAdded, which } of steps) {
        if (isAdded) {
          expected.add(places.length);
          places.push(roll.add(places.length));
        } else if (places.length > 0) {
          const place = places[which % places.length]!;
          expected.delete(place.member);
          // The place may be off the roll already.
          roll.remove(place);
        }
        expect(roll.members()).toEqual([...expected]);
        expect(roll.first()?.member).toBe([...expected][0]);
      }
    }),
  );
});

test("a member that leaves lets go of the others", () => {
  const roll = new Roll<string>();
  const [, second] = ["a", "b", "c"].map((member) => roll.add(member));
  roll.remove(second!);
  expect(second).toEqual({ member: "b", roll: null, before: null, after: null });
});
