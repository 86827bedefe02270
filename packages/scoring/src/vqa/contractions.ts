/** The official evaluation's table of contractions that lost an apostrophe. */

/**
 * Every entry of the table is one of these with one apostrophe left out (those with several give several entries). Words
 * that only differ from an entry by a capital are left out here, since answers are in lower case by then.
 */
const WORDS = `
  ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's how'd how'll how's isn't
  it'd it'll ma'am mightn't might've mustn't must've needn't not've o'clock oughtn't shan't should've shouldn't
  somebody'll somebody's someone'd someone'll someone's something'd something'll that's there'd there're there's they'd
  they'll they're they've 'twas wasn't we've weren't what'll what're what's what've when's where'd where's where've
  who'd who'll who's who've why'll why're why's won't would've wouldn't y'all you'd you'll you're you've
  couldn't've hadn't've he'd've it'd've mightn't've 'ow's'at she'd've shouldn't've somebody'd've someone'd've
  something'd've there'd've they'd've we'd've who'd've wouldn't've y'all'll y'all'd've you'd've`;

/** From the word without its apostrophe to the word with it. */
export const contractions: ReadonlyMap<string, string> = new Map([
  ...WORDS.trim()
    .split(/\s+/)
    .flatMap((word) => withoutOneApostrophe(word).map((key): [string, string] => [key, word])),
  // The one entry that takes an apostrophe away.
  ["somebody'd", 'somebodyd'],
]);

function withoutOneApostrophe(word: string): string[] {
  return [...word.matchAll(/'/g)].map(({ index }) => word.slice(0, index) + word.slice(index + 1));
}
