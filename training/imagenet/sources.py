"""The photographs that the golden samples are made of, with their authors and licences."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from training.imagenet.packages import packaged

CC0 = "CC0 1.0"
CC_BY = "CC BY 2.0"
PUBLIC_DOMAIN = "public domain"
SKIMAGE = ("scikit-image", "skimage/data")
SKLEARN = ("scikit-learn", "sklearn/datasets/images")


@dataclass(frozen=True)
class Photograph:
    name: str
    file: str
    package: tuple[str, str]
    """The PyPI package and the folder inside it."""
    subject: str
    author: str
    licence: str
    origin: str

    @property
    def path(self) -> Path:
        package, folder = self.package
        return packaged(package, f"{folder}/{self.file}")

    def image(self) -> Image.Image:
        with Image.open(self.path) as image:
            image.load()
            return image


PHOTOGRAPHS = {
    photograph.name: photograph
    for photograph in (
        Photograph("astronaut", "astronaut.png", SKIMAGE, "portrait of Eileen Collins", "NASA", PUBLIC_DOMAIN, "https://flic.kr/p/r9qvLn"),
        Photograph("brick", "brick.png", SKIMAGE, "brick wall", "CC0Textures", CC0, "https://cc0textures.com/view.php?tex=Bricks25"),
        Photograph("camera", "camera.png", SKIMAGE, "photographer with a tripod", "Lav Varshney", CC0, "scikit-image"),
        Photograph("chelsea", "chelsea.png", SKIMAGE, "cat", "Stefan van der Walt", CC0, "scikit-image"),
        Photograph("china", "china.jpg", SKLEARN, "temple", "danielbuechele", CC_BY, "https://www.flickr.com/photos/danielbuechele/6061409035"),
        Photograph("clock", "clock_motion.png", SKIMAGE, "wall clock, blurred by motion", "Stefan van der Walt", PUBLIC_DOMAIN, "scikit-image"),
        Photograph("coffee", "coffee.png", SKIMAGE, "cup of espresso", "Rachel Michetti, courtesy of Pikolo Espresso Bar", CC0, "scikit-image"),
        Photograph("coins", "coins.png", SKIMAGE, "Greek coins from Pompeii", "Brooklyn Museum", "no known copyright restrictions", "https://www.brooklynmuseum.org/opencollection/archives/image/51611"),
        Photograph("flower", "flower.jpg", SKLEARN, "flower", "vultilion (scikit-learn's own note names danielbuechele beside vultilion's address)", CC_BY, "https://www.flickr.com/photos/vultilion/6056698931"),
        Photograph("gravel", "gravel.png", SKIMAGE, "gravel", "CC0Textures", CC0, "https://cc0textures.com/view.php?tex=Gravel04"),
        Photograph("hubble", "hubble_deep_field.jpg", SKIMAGE, "Hubble eXtreme Deep Field", "NASA", PUBLIC_DOMAIN, "http://hubblesite.org/newscenter/archive/releases/2012/37/image/a/"),
        Photograph("retina", "retina.jpg", SKIMAGE, "fundus of a human eye", "Mikael Häggström", CC0, "https://commons.wikimedia.org/wiki/File:Fundus_photograph_of_normal_left_eye.jpg"),
        Photograph("rocket", "rocket.jpg", SKIMAGE, "launch of a Falcon 9", "SpaceX", PUBLIC_DOMAIN, "https://www.flickr.com/photos/spacexphotos/16511594820"),
    )
}  # fmt: skip
