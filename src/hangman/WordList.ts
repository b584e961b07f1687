/** Built-in word list: common English words of 4 to 14 letters, in alphabetical order. */

/**
 * The words, separated by white space. One string is the smallest form, in the module and in memory.
 *
 * @category constants
 * @since 0.1.0
 */
export const text = `
able about above absence absorb abundance accent accept access accident accompany accurate achieve acorn acrobat
across action activity actor actress actual adapt addition address adjust admire admission adopt adult advance
advantage advertise advice adviser aeroplane affair affect afford afternoon again against agency agenda agent agree
ahead aircraft airfield airport alarm album alert algebra alien alike alive alley alliance allow almond almost alone
along alphabet already alter although altitude always amateur amaze ambition amount amphibian amuse amusement anagram
analysis ancestor ancient angel anger angle angry animal ankle annual another answer anteater antelope anthem anxiety
anxious anybody anyone anything apart apartment apparatus appeal appear appearance appetite applaud apple application
apply appoint appointment appreciate apprentice approach april apron aquarium archer archery architect arena argue
argument arise armchair armour around arrange arrangement arrest arrival arrive arrow article artist ashamed aside
asleep asparagus aspect assembly assist assistant associate assume asteroid astonish astronomer astronomy athlete
atlas atmosphere attach attempt attend attention attic attitude attract attraction audience author authority autograph
automatic autumn avalanche average avocado avoid awake award aware away awkward baboon baby bachelor backbone backpack
backward bacon badge badger badminton baggage baker bakery balance balcony ballad ballerina ballet ballot bamboo
banana bandage banjo banker banquet baptism barbecue barber bargain barn barometer baron barrel barrier baseball
basement basin basis basket bass bathroom battle beach beacon beaker beam beard beast beaten beautiful beauty beaver
become bedtime beef beehive beetle beetroot before began beginner behave behaviour behind being belief believe belong
below bench beneath benefit berry beside better between beyond bicycle bill billiards billion bind binoculars biology
biplane birch bird birth birthday biscuit bison bite bitter black blackberry blackbird blackboard blacksmith blade
blame blank blanket blast blaze blend bless blind blink blizzard block blond bloom blossom blouse blue bluebell
blueberry blunt blush board boast body bold bone bonfire bonnet bonus bookcase bookmark bookshop boomerang boot border
bored borrow both bother bottle bottom bought bounce bound boundary bouquet bowling boxer bracelet bracket brain brake
branch brand brass bravery breadth break breakdown breakfast breath breeze bribe brick bride bridge brief brigade
bright brilliant bring brisk broad broadcast brochure broken bronze brooch brook broom broth brought brown browse
bruise brush bubble bucket budget buffalo buffet build builder building bulldozer bullet bumble bump bumper bundle
bungalow burden burger burglar burrow bush business butcher butler butter butterfly button buyer buzzard bypass
cabbage cabinet cable cactus cafe calcium calculator calendar calm camel camera campaign campfire campsite canal
canary candidate candlestick candy cannon canoe canopy canteen canvas capable capacity capital captain capture caramel
carbon cardboard cardigan cardinal care career careless caretaker cargo caribou carnation carnival carol carpet
carriage carrot carry cart cartoon cartridge cascade cash cashew cashier cast castle catalogue catapult catch category
caterpillar cathedral cattle cause caution cavern caviar cedar ceiling celebrity celery cell cellar cello cement
census centimetre centipede central centre century ceramic cereal certain certificate chain chair chalk challenge
chamber champagne champion championship chance change channel chapel character charge charity charm chart chase check
cheek cheer cheerful cheese cheetah chemist chemistry cherry chess chest chestnut chief child childhood chill chimney
chimpanzee chin chipmunk chisel chocolate choice choir choose chord chorus chosen chowder chronicle chuckle chunk
cider cigar cinema circle circuit circular citizen city civil claim clam clarify clash class classic classroom clay
clean clear clerk clever click client cliff climate climber cling clinic cloak cloakroom clock close closet cloth
clothes clothing cloud cloudy clown clumsy cluster coal coaster coastline cobbler cobra cobweb cockpit cocoa coconut
cocoon coffee coin coincidence collage collapse collar colleague collect collection collector collide colonel colony
colour colourful column combine comedian comedy comet comfort comfortable comic command comment commerce commercial
committee common communicate community compact companion company compare comparison compartment compete competition
competitor complain complaint complete complex compliment compose composer composition compost compound comprehend
computer concentrate concept concern concert conclude conclusion condition conduct conductor conference confess
confidence confirm conflict confuse confusion congratulate connect connection conscience consent consequence
conservation consider consist constellation construct construction consult consume contact contain contemporary
content contest continent continue contract contrast control convenient conversation convert convict convince cooker
cookie cool copper coral cork corkscrew corner cornflower corporation correct corridor cosmic cosy cottage cotton
cougar cough could council count counter country county couple courage courageous course court courtyard cover coward
cowboy coyote crab crack cracker craft crane crash crate crater crawl crayon creak cream create creation creative
creature credit creep crew cricket crime criminal crisp critical criticism crocodile crocus croquet cross crossing
crossroads crossword crouch crowd crown crude cruel cruise crumb crumble crunch crush crutch crystal cube cuckoo
cucumber cuddle cunning cupboard curator cure curiosity curious curl currency current curriculum curry curtain curve
cushion custom customer cutlery cyclist cyclone cylinder cymbal daffodil dagger daily dairy daisy damage damp dancer
dandelion danger dangerous dare darkness dashboard data daughter dawn daybreak daylight dazzle deadline deaf dealer
dear decade deceive december decent decide decimal decline decorate decoration decrease defeat defence defend define
definite definition degree delegate delete deliberate delicate delicious delight deliver delta demand democracy
demolish demonstrate denim dense deny depart department departure depend deposit depress deputy derive descend
describe description desert deserve designer desire desk desperate despite dessert destroy destruction detail detect
detective determine develop device devil devote diagonal diagram dialect diamond diary dictate dictionary diesel diet
differ different difficult difficulty digest digital dignity dilemma dinner dinosaur diploma diplomat direct direction
director dirty disagree disappear disappoint disaster discipline discover discovery discuss discussion disease
disguise dish dislike dismiss display distance distant distinct distinguish district disturb ditch diver divide
division dock doctor document dodge dollar dolphin domestic domino donate donkey donor doorbell doorway doubt dough
doughnut downhill download dozen draft dragon dragonfly drain drama dramatic drawbridge drawer drawing dream dress
dresser dressing drill drink drive driver drizzle droop drown drummer dryer duchess duckling duke dumpling dungeon
during dustbin duvet dwarf dwell dynamic dynamite each eagle early earnest earring earthquake earthworm easel easily
eastern eccentric eclipse ecology economic economy edition editor educate education effect effective efficient eight
eighteen eighty either elastic elbow elder election electric electrician electricity electron elegant element elevator
eleven eligible ellipse elsewhere embark embassy embrace embroidery emerald emerge emergency emotion emperor emphasis
empire employ employee employer employment enable enchant encounter encourage encyclopedia ending endless energetic
energy engage engine engineer engineering enjoy enormous enough enquire ensure enter enterprise entertain enthusiasm
entire entrance entry envelope envy equal equation equator equip equipment error erupt escape escort especially essay
essence essential establish estimate eternal evacuate evaluate evaporate evening eventually ever evergreen every
everybody everyday everyone everywhere evidence evident evolution exact exactly exam examination examine example
excavate exceed excellent exception excess exchange excite excitement exciting exclaim excursion excuse execute
executive exercise exhaust exhibit exile exist existence exit exotic expand expanse expectation expedition expense
expensive experience experiment expert explanation explode explore explorer explosion export expose expression extend
extension extensive extent external extinct extraordinary eyebrow eyelash eyelid eyesight fable fabulous facility
factor factory faculty fail failure faint fair fairground fairy fairytale faithful falcon false fame familiar family
fancy fantastic fantasy farewell farm farmer farmyard fashion fashionable fast fasten father fault favour favourite
fearless feast feather february federal feeble feeling fellow fence ferocious ferret ferry fertile festival fever
fibre fiction fiddle field fierce fifteen fight fighter figure film filter finally finance financial find finger
fingernail fingerprint firefighter firefly fireman fireplace firewood first fish fisherman fishing fist fitness
fixture flagpole flake flame flamingo flannel flare flash flashlight flask flat flatter flavour fleece fleet flesh
flexible flight fling flip flipper float flock flood floor florist flourish flow flower flowerpot fluent fluffy fluid
flute flutter foal focus foggy folder foliage follow follower foolish football footpath footprint footstep forbid
force forecast foreign foreigner forest forever forget forgive formal format former formula fortnight fortress fortune
forty forward fossil foster fought found founder four fourteen fourth fowl fraction fragile fragment fragrance frame
framework frank freckle freedom freeze freezer freight frequency frequent fresh fridge friend friendly friendship
fright frighten fringe frogman front frontier frost frosty frown fruit frustrate fudge fulfil function fundamental
funeral fungus funny furious furnace furniture further fuse future fuzzy gadget gallant gallery galley gallon gallop
gamble gangway garage garbage garden gardener gardening garlic garment garnish gasoline gateway gather gazelle gazette
gender general generate generation genius gentle gentleman genuine geography geometry gerbil gesture geyser ghost
giant gibbon gigantic giggle ginger gingerbread giraffe gladiator glamour glance glass glasses glaze glide glider
glimpse glitter global globe gloom glorious glory glossary glossy glove goalkeeper goat goblet goblin goggles goldfish
gondola good goodness goose gooseberry gorgeous gorilla gossip govern government governor grace graceful grade gradual
graduate graffiti grain grammar grand grandchild grandfather grandmother grandparent grandstand grant grape grapefruit
grapevine graph graphic grasp grasshopper grate grateful gratitude grave gravel gravity graze great greed greedy green
greenhouse greeting grey greyhound grief grill grind groan grocer grocery groom groove groundwork group grove grow
growl growth grudge guarantee guard guardian guess guidance guide guideline guilty guitar guitarist gulp gumboot
gutter gymnasium gymnast gypsum gyroscope habit haddock hail hairbrush haircut hairdresser hallway halo hamburger
hammer hammock hamster handbag handball handbook handful handicraft handle handlebar handrail handsome handwriting
handy hanger happen happiness happy harbour hard hardly hare harmful harmless harmonica harness harpoon harsh harvest
haste hatch hatchet haven hawk hawthorn hazard hazel hazelnut headache heading headlight headline headmaster
headphones headquarters healthy heap heart heartbeat hearth heather heaven heavily heavy hedge hedgehog heir
helicopter helium hello helmet helper helpful hemisphere herb herbal here heritage hermit heroic heroine heron herring
hesitate hexagon hibernate hidden hieroglyph high highland highlight highway hiker hilarious hilltop hinge
hippopotamus historian historic history hobby hockey hold holder holiday hollow holly hologram homeless homesick
honest honey honeycomb honeymoon honour hooray hopeful hopeless horizon horn hornet horoscope horrible horror horse
horseback hospital hospitality hostage hostel hostile hound hourglass house household housekeeper housewife hovercraft
however huddle human humble humming hummingbird humour hundred hunger hungry hunter hurdle hurricane hurry husband
husky hyacinth hybrid hydrant hydraulic hydrogen hyena hygiene hyphen hypnosis hypnotist iceberg icicle icing ideal
identical identify identity idiom idle igloo ignorance ignorant ignore iguana illegal illness illuminate illustrate
illustration image imaginary imagination imitate immense immune impact impatient imperial implement import impossible
impress impression impressive improve improvement impulse include income increase incredible indeed independence
independent indicate indigo individual indoor industrial industry infant inflate influence inform informal information
ingredient inhabit initial initiative injection injure injury inland inner innovation inquiry insect insert inside
insist inspect inspiration inspire instance instant instead instinct institute instruct instruction instructor
instrument insulate insult insurance integrate intellect intelligent intend intense intention interact interesting
interfere interior intermediate internal international internet interpreter interrupt interval interview introduce
introduction invade invent inventor invest investigate investment invisible invite involve iron ironing irony
irregular irritate island isolate issue italic itself jackal jackdaw jacket jackpot jaguar jail janitor jargon jasmine
jaunt javelin jealous jealousy jelly jellyfish jersey jester jewel jeweller jigsaw jingle jockey joint jolly journal
journalist journey joyful joystick jubilee judgement judo juggle juggler juice juicy jukebox jumble jumper junction
jungle junior junk justice justify juvenile kangaroo kayak kebab keeper kennel kernel ketchup kettle keyboard keyhole
kidney kilometre kimono kindergarten kindness kinetic king kingfisher kiosk kitchen kite kitten knapsack kneel knew
knife knight knit knitting knock knowledge knuckle koala label labour labyrinth ladder ladle lagoon lamb lampshade
lance landlady landlord landmark landowner landscape landslide lane lantern large laser lasso laugh laughter launch
laundry laurel lava lavender lawnmower lawyer layer lazy leader leadership leaflet league leap learn learner leather
leave lecture ledge left legal legendary lemon lemonade length leopard lesson letter letterbox lettuce level lever
liberal librarian library licence lichen life lifeboat lifestyle lifetime light lighter lighthouse lightning likely
likewise lilac limb limestone limousine line linen liner linger linguist lion lioness liquid listen listener litre
litter little lively liver lizard loan lobby lobster local locate lock locker locksmith locomotive locust lodge loft
logical lollipop lonely longitude loose lorry lose loser lost lotion lotus loudspeaker lounge lover loyal loyalty
lucky luggage lullaby lumber lunar lunch luncheon lurch luxurious lynx lyric macaroni machine machinery magazine
maggot magical magician magnet magnetic magnificent magnify magnitude magpie mahogany maid mailbox main mainland
maintenance maize majesty major majority maker mallet mammal mammoth manage management manager mandolin manicure
manner mansion mantelpiece manual manuscript maple marathon marble march margarine marigold marine market marmalade
marriage marry marshmallow martial marvel marvellous mascot mask massive master masterpiece match material
mathematician matter mature maximum maybe mayonnaise mayor meadow mean meaning meanwhile measles measure meat mechanic
mechanical mechanism medal media medical medieval medium meeting megaphone melody melon member membership memorable
memorial memorise memory menu merchant mercury mercy merely merge merit mermaid merry messenger metal metallic meteor
meteorite method metre metropolis microphone microscope midday middle midnight midsummer might mighty migrate
milestone military milkman milkshake millimetre million millionaire mimic mince miner mineral miniature minimum
minister ministry minor minstrel mint minus minute miracle mirror miserable misery misfortune missile mission
missionary mistletoe misty misunderstand mitten mixture moat model moderate modern modest modify module molar molecule
moment momentum monarch monastery money mongoose monitor monkey monologue monopoly monorail monster month monument
moon moonlight moral morning mortgage mosaic mosque mosquito most motel mother motion motionless motivate motorbike
motorboat motorcycle motorist motorway mould mound mountain mountaineer mouse moustache mouth mouthful movie muddle
muddy muffin mulberry mule multiply multitude mumble mummy murmur muscle muscular mushroom musical musician musket
mussel mustard mutter mutton mutual muzzle myself mysterious mystic myth mythology name napkin narrate narrow nation
national native natural nature naughty navigate navigation navigator navy nearby nearly necessary necessity necklace
nectar nectarine negative neglect negotiate neighbourhood neither nerve nervous nettle network neutral neutron
nevertheless newcomer newly newspaper nibble nickel nickname niece night nightfall nightingale nightmare nine nineteen
ninety nitrogen noble nobody noise nomad nominate nonsense noodle normal northern nostril notable notch notebook
notice noticeable notion noun nourish novel novelist nowadays nowhere nozzle nuclear nugget nuisance numeral numerous
nurse nursery nutmeg nutrient nutrition oasis oatmeal obedient object objection obscure observation observatory
observe obstacle obtain occasion occasional occupation occupy occur ocean octagon october octopus oddity odour offence
offend offer officer official offspring often ointment older olive onion online onto onward open opener opera operate
operation operator opinion opportunity oppose opposite opposition optical optician optimist orange orangutan orbit
orchard orchestra orchid order oregano organic organisation organise organist orient origin original ornament orphan
ostrich other otherwise ought ounce outcome outdoor outer outfit outing outlet outline outlook output outrage outside
outskirts oven overall overboard overcoat overcome overhead overlap overlook overnight overseas overtake overtime
owner ownership oxygen ozone pacific package packet paddle paddock padlock pageant painful paint paintbrush painter
painting palace palette palm pamphlet pancake panda panic panorama pansy panther pantomime pantry paper paprika
parachute parade paradise paradox paragraph parakeet parasol parcel parchment pardon parent parking parrot parsley
parsnip participate particle particular partner partnership partridge party passage passenger passive passport pasta
pastel pastime pastry patch path patience patient patio patrol patron pause pavement pavilion payment peace peaceful
peach peak peanut pearl peasant pebble pebbles peculiar pedal pedestrian pelican penalty pencil pendulum penguin
penicillin peninsula penny pension pentagon pepper peppermint perceive percent perception perch percussion perform
performance perfume perhaps peril period periscope permission permit perplex persist person personal personality
persuade pessimist petal petrol petticoat petunia pharmacy pheasant philosopher philosophy phoenix phone phonetic
photocopy photograph photographer photography phrase physical physician pianist piano piccolo pick pickle picnic
picture piece pier pierce pigeon pigment pigsty pillar pillow pilot pinch pine pineapple pint pioneer pipeline pirate
pistachio pitch pivot pizza placid plague plaice plait plane planet plank plankton plant plaster plastic plate plateau
platform platinum platypus player playful playground playwright plaza pleasant please pledge plenty plot plough pluck
plug plumber plump plunge plural plywood poach podium poem poetic poetry pointer poisonous poker polar police
policeman policy polite political politician politics pollen pollute pollution polygon pond ponder poodle poppy
popular popularity population porcelain porch porcupine porpoise porridge portable porter portion portrait positive
possess possession possibility possible possibly postcard poster postman postpone posture potato potential pottery
pouch poultry pound poverty powder powerful practical practice practise prairie praise prawn prayer preach precaution
precious precise predator predict preference prefix prehistoric prejudice premiere premium preparation prescription
presence present presentation preserve president press prestige pretty pretzel prevent previous prickle pride priest
primary prime primitive primrose princess principal principle print printer priority prism prisoner privacy private
privilege prize probable probably procedure proceed process procession produce producer product profession
professional professor profile profit profound program progress prohibit project prolong promise promote pronoun
pronounce proof propeller proper properly property proportion proposal propose prosper protect protection protein
proton proud prove proverb provide province provoke psalm psychology public publication publicity publish publisher
puddle puffin pulley pullover pulse pumpkin punctual punctuation puncture punish punishment puppet purchase purple
purpose purse pursue puzzle pyjamas pyramid python quack quadrant quail quaint qualification qualify quality quantity
quarantine quarry quart quarter quartet quartz quaver quay quench quest question queue quibble quiche quick quiet
quilt quintet quite quiver quotation quote quotient rabbit raccoon racecourse racket radar radiator radical radio
radish raffle rage ragged rail railing railway rainbow raincoat raindrop rainfall rainforest raise raisin rally ramble
ranch range ranger rank rapid rarely rascal raspberry rather ratio rational rattle rattlesnake ravine ravioli razor
reach react reaction reading ready real realise realistic reality really reap reason reasonable rebel rebuild recall
receive receiver recent reception recipe recital recite reckon recognise recommend record recorder recover recovery
rectangle recycle redcurrant reduction reef refer referee reference reflect reflection reform refresh refrigerator
refuge refugee refund refuse regard regatta regiment region regional register regret regular regulate rehearsal
rehearse reign reindeer reject rejoice relate relationship relative relax relay release relevant reliable relieve
religion religious reluctant remainder remarkable remedy remember remind reminder remote removal renaissance render
renew repair repeat repel replacement reply report reporter represent representative reptile reputation request
require requirement rescue research resemble reserve reservoir resident resign resist resistance resolution resort
resource respect respectable respond response responsibility restaurant restless restore restrict result resume retain
retire retirement retreat return reunion reveal revenue reverse review revise revision revolt revolution reward
rewrite rhinoceros rhubarb rhyme rhythm ribbon riddle ride rider ridge ridiculous rifle rigid rinse riot ripple rise
risky rival river riverbank rivet roast robber robbery robin robot rock rocket rocky rodeo roller romantic roof
rooster rosemary rotate rotten rough roughly roulette roundabout route routine rowing royal royalty rubber rucksack
rudder rugby rumble rumour runner runway rural rush rusty ruthless sabotage sack sacred sacrifice saddle safety
saffron sage sailing saint salad salamander salary salesman salmon salt salty salute salvage sample sanctuary sandal
sandcastle sandpaper sandstone sandwich sapling sarcasm sardine satchel satellite satin satire satisfaction saturday
saturn sauce saucepan saucer sausage savage savings saxophone scaffold scald scale scallop scandal scanner scarce
scare scarecrow scarlet scatter scene scenery scent sceptre schedule scholar scholarship school science scientific
scientist scissors scooter scope score scorn scorpion scout scramble scrape scratch scream screen screw screwdriver
script scrub sculptor sculpture seafood seagull seahorse searchlight seashell seashore seaside season seasonal second
secondary secret secretary section sector secure sediment seed seesaw segment seize select self selfish semicircle
semicolon senate senator senior sensation sense sensible sentence sentimental sentry separate september sequel
sequence serial series serious sermon serpent servant serve session settle settlement seven seventeen seventy several
sewing shabby shack shade shadow shadowy shaft shake shallow shame shamrock shape share sharp sharpen shatter shave
shawl sheep sheet shelf shell shelter shepherd sheriff sherry shift shimmer shine shiny shipment shipwreck shirt
shiver shock shoe shoelace shoemaker shoot shopkeeper shopping shore short shortage shortcut shortly should shoulder
shout shove shovel shower shred shrew shriek shrimp shrine shrink shrub shuffle shut shutter shuttle shuttlecock
sickness sideboard sideways siege sieve sight sightseeing signal signature significance significant signpost silence
silent silicon silk silkworm silly silver similar similarity simple simplify simply simultaneous since sincere single
singular siphon siren sister site sixteen sixty sizzle skate skateboard skater sketch skier skilful skill skillet skim
skipper skirt skull skunk skylark skylight skyline slack slang slant slate sleek sleep sleeper sleepy sleet sleeve
sleigh slice slight slim slime sling slip slippery slogan slope sloth slowly slumber slump smack small smart smash
smear smile smith smoke smooth smother smoulder smudge smuggler snack snail snake snap snapdragon snapshot snarl
snatch sneak sneeze sniff snooker snooze snorkel snout snowboard snowdrift snowdrop snowflake snowman snowplough
snowstorm snug sober soccer sociable social society sock socket sofa softly software solar soldier solemn solicitor
solid solidarity solitary solution somebody somehow someone somersault something sometimes somewhat sonar sonata
sonnet soprano sorrow sorry sound soundtrack source south southern souvenir sovereign soybean space spaceship spacious
spade spaghetti spaniel spanner spark sparkle sparrow speak speaker spear special species specific specimen spectacle
spectacles spectacular spectator speech speechless speed speedboat speedometer spell spelling sphere spice spicy
spider spike spill spine spiral spire spirit spiritual splash splendid split spoil spoke spokesman sponge sponsor
spontaneous sport sportsman spotless spotlight spout sprain spray spread spring springboard sprinkle sprinkler sprint
spruce squabble squad squadron square squash squeak squeeze squid squint squire squirrel stable stack stadium staff
stage stagger stain staircase stake stale stalk stall stamina stammer stampede stand standard staple star starboard
starch starfish starling start startle starve state statement station stationary stationery statistics statue status
stay steak steal steam steamer steel steep steer stencil stepmother stereo sterile stew steward stick sticker sticky
stiff still sting stingray stirrup stitch stock stocking stone stool stop stopwatch storage store storey storm stormy
story storybook storyteller stove straight strait strand strange stranger strap straw stray streak stream street
strength strengthen stress strict stride strike string strip stripe strive stroll strong structure struggle stubborn
student studio stuff stumble stump stunt sturdy stutter style subject submarine submerge submit subscribe subsequent
substance substitute subtitle subtle subtract suburb subway succeed successful sudden suddenly suede suffer sufficient
suffix suggest suggestion suitable suitcase suite sulk summary summer summit summon sunbathe sunbeam sunburn sunday
sundial sunflower sunglasses sunlight sunny sunrise sunshine superb superior supermarket supersonic superstition
supper supplement supply support supporter suppose supreme surfboard surgery surname surplus surprise surrender survey
survival survive survivor suspect suspend suspense suspicious sustain swallow swamp swan swarm swear sweat sweater
sweep sweet sweetheart swell swift swimmer swimming swing switch sword syllable symbol symbolic symmetry sympathy
symphony symptom synonym synthetic syringe system table tablecloth tablet tackle tactic tadpole tailor take talent
talk talkative tambourine tangerine tango tanker tapestry tarantula target tart tartan taste tasty tattoo taught
taxation taxi teach teacher teacup teamwork tearful tease teaspoon technical technique tedious teenager telegram
telegraph telephone telescope television temper temperature tempest temple temporary tempt temptation tendency tender
tendril tennis tenor tense tentacle tepid terminal termite terrace terrain terrier terrific terrify territory terror
testify textbook textile texture thank thankful thaw theatre theft their theme themselves theorem theory therapy there
therefore thermal thermometer thesaurus these thick thicket thief thigh thimble thing think thinker third thirst
thirsty thirteen thistle thorn thorough those though thought thousand thread threat threaten three threshold thrift
throat through throughout throw thrush thumb thunder thunderstorm thursday thyme ticket tickle tiger tight tightrope
till timber timeless timer timetable timid tinsel tiptoe tired tissue title toadstool toast toaster toboggan today
toddler toffee together toilet token tomato tombstone tongue tonight toolbox tooth toothache toothbrush toothpaste
topic torch torpedo torrent tortoise total totem touch touchdown tour tourism tourist tournament toward towel tower
toxic toyshop trace track traction tractor trade trader tradition traditional traffic tragedy tragic trail train
trainer training traitor trampoline tranquil transaction transfer transform transistor translate translation transmit
transparent transplant transport trapdoor trapeze traveller treacle tread treason treasure treasurer treat treatment
treaty treetop tremble trench trend trespass trial triangle tribe tribute trickle tricycle trifle trigger trip triplet
tripod triumph triumphant trivial trolley trombone trophy tropic tropical trouble trough trousers trowel truce truck
true truffle truly trumpet trust truth truthful tsunami tuba tuesday tumble tumbler tuna tundra tunic tunnel turbine
turbulence turkey turmoil turnip turquoise turtle tutor tutorial tweed tweezers twelve twice twilight twine twinkle
twirl twitch typewriter typhoon typical typist tyrant ulcer ultimate ultraviolet umbrella umpire unable unanimous
uncle uncomfortable unconscious under undergo underground underline understand understanding undertake underwater
underwear uneasy unexpected unfair unfamiliar unfriendly unhappy unicorn uniform union unique unison unite unity
universe university unkind unknown unlikely unlock unlucky unpleasant unravel untidy until unusual update upgrade
uphill upholstery upkeep upland uplift upper upright upset upstairs upstream upward uranium urban urge usage used
useful useless user usual utensil utility utter vacancy vacant vacation vaccine vague valid valley valuable value
valve vandal vanilla vanish vanity vapour variable variation various varnish vary vault vegetable vehicle velocity
velvet venom ventilate venue verandah verbal verdict verge verify version vertebra vertical vessel vest veteran
viaduct vibrate vibration vicar victim victory video viewer viewpoint vigorous villa village villager villain vinegar
vineyard vintage viola violence violent violet violinist viper virtual virtue virus visible visit visitor visual vital
vitality vitamin vivid vocal voice volcanic volcano vole volleyball volume voluntary volunteer vote voter voucher
vowel vulnerable vulture waddle wafer waffle wagon waistcoat waiter waitress walk walker wallet wallpaper walnut
walrus waltz wander want wardrobe warehouse warmth warn warning warrant washing waste watch watchdog water watercolour
watercress waterfall watermelon waterproof watt wavelength weak weakness wealth wealthy weapon weasel weather
weathercock weave weaver webpage website wedge wednesday week weekday weekend weekly weigh weight weird welcome
welfare whale wharf what wheat wheel wheelchair where whereas whether which whiff while whim whine whip whirl
whirlpool whirlwind whisk whisker whisper whistle white whole wholesale wholesome whose wicked wicket widely widen
widow width wigwam wild wilderness wildlife will willing willow windmill window windowsill windscreen windshield windy
wing winner winter wireless wish wishbone witch withdraw wither within witness wizard wobble woman wombat wonder wood
wooden woodland woodpecker woodwind woodwork wool wordless worker workman workshop world worry worse worship worst
worth worthwhile would wound woven wrapper wreck wreckage wrench wrestle wrestler wrestling wring wrinkle wrist
wristwatch write writer writing wrong xylem xylophone yacht yawn yearly yeast yellow yesterday yield yodel yoghurt
yogurt yoke young youngster youth zany zebra zigzag zipper zodiac zoology zoom zucchini
`
